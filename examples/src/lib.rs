//! The orchestrators and activities of the example programs, which are in `src/bin`.
//!
//! A program that is linked with this library serves all of them. One that names nothing of it writes
//! `use steadfast_examples as _;`.

pub mod city;
pub mod cli;
pub mod failing;
pub mod hello;
pub mod journal;
pub mod pace;
pub mod sample;
pub mod ticket;
pub mod waiting;
