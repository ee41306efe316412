use steadfast::{Dependency, activity};

struct Pool;

#[activity]
async fn save(pool: Option<Dependency<Pool>>) {
    drop(pool);
}

fn main() {}
