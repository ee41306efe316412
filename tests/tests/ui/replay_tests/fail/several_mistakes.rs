steadfast::replay_tests!("histories/***", in_full, in_full, strict);

fn main() {}
