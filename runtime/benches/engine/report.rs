//! The figures of all rounds, and their medians.

use std::time::Duration;

/// Figures in the order in which they were first measured.
#[derive(Default)]
pub struct Report(Vec<(String, Vec<f64>)>);

impl Report {
    pub fn add(&mut self, workload: &str, store: &str, metric: &str, value: f64) {
        let name = format!("{workload} {store} {metric}");
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name, vec![value])),
        }
    }

    /// The medians, one a line.
    pub fn print(&self) {
        for (name, values) in &self.0 {
            println!("{name} {}", rounded(median(values)));
        }
    }
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of the values is.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * part).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Four digits that count.
fn rounded(value: f64) -> String {
    let digits = if value == 0.0 || !value.is_finite() {
        0
    } else {
        (3 - value.abs().log10().floor() as i32).max(0) as usize
    };
    format!("{value:.digits$}")
}
