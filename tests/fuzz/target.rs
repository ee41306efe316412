//! One binary for each target, by its name.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| steadfast_tests::fuzz::run(env!("CARGO_BIN_NAME"), data));
