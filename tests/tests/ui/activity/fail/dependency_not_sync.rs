use std::cell::Cell;

use steadfast::{Dependency, activity};

#[activity]
async fn count(counter: Dependency<Cell<u32>>) {
    counter.set(1);
}

fn main() {}
