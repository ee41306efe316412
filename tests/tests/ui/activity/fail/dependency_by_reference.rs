use steadfast::{Dependency, activity};

struct Pool;

#[activity]
async fn save(pool: &Dependency<Pool>, city: String) {
    drop((pool, city));
}

fn main() {
    let _ = save("Tokyo".to_owned());
}
