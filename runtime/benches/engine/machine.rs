//! What this process takes of the machine. Zero where the operating system does not say.

use std::fs;

/// Resident memory, in bytes.
pub fn resident() -> f64 {
    status("VmRSS:")
}

/// The most that was resident since the last [`reset_peak`].
pub fn peak() -> f64 {
    status("VmHWM:")
}

pub fn reset_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn status(key: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or_default() * 1024.0
}

/// Seconds of processor time of all threads that are there now.
pub fn processor_seconds() -> f64 {
    let threads = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() / 1e9
}
