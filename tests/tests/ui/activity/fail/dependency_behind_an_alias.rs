use steadfast::{Dependency, activity};

struct Pool;

type Db = Dependency<Pool>;

#[activity]
async fn save(pool: Db) {
    drop(pool);
}

fn main() {}
