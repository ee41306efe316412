//! What happened, step by step: a hash of all of it, and the last part as text.

use std::collections::VecDeque;

/// How much is shown of a simulation that failed.
const SHOWN: usize = 100;

pub(crate) struct Trace {
    lines: VecDeque<String>,
    hash: u64,
    count: u64,
    /// Whether all of it is shown at once.
    is_shown: bool,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            hash: 0,
            count: 0,
            is_shown: std::env::var_os("STEADFAST_SIMULATION_TRACE").is_some(),
        }
    }
}

impl Trace {
    pub(crate) fn note(&mut self, line: String) {
        // FNV-1a. It must be the same in every process, which the standard hasher does not promise.
        for byte in line.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.is_shown {
            println!("{:>7}  {line}", self.count);
        }
        self.count += 1;
        self.lines.push_back(line);
        if self.lines.len() > SHOWN {
            self.lines.pop_front();
        }
    }

    /// The same for two simulations in which the same happened.
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn shown(&self) -> String {
        let mut text = String::new();
        let before = self.count - self.lines.len() as u64;
        for (number, line) in (before..).zip(&self.lines) {
            text.push_str(&format!("{number:>7}  {line}\n"));
        }
        text
    }
}
