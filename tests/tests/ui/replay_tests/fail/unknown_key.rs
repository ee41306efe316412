steadfast::replay_tests!("Cargo.toml", definition = [ship]);

fn main() {}
