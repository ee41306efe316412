use steadfast::DurableError;

#[derive(DurableError, Debug)]
pub enum GreetError {
    Busy,
}

fn main() {}
