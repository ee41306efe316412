use steadfast::activity;

pub struct Dependency<T>(T);

#[activity]
async fn publish(package: Dependency<String>) -> String {
    package.0
}

fn main() {}
