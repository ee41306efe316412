use steadfast::ExternalEvent;

#[derive(ExternalEvent, serde::Serialize)]
pub struct Confirmation(bool);

fn main() {}
