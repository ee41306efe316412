steadfast::replay_tests!("histories/of_nobody/*.json");

fn main() {}
