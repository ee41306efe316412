use serde::{Deserialize, Serialize};
use steadfast::ExternalEvent;

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(nam = "BookingConfirmed")]
pub struct Confirmation(bool);

fn main() {}
