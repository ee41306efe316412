//! The data of both packages, and what their functions have in common.

use steadfast::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    pub sku: String,
    pub count: u32,
    pub cents: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    pub street: String,
    pub city: String,
    pub zip: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub id: u64,
    pub customer: String,
    pub items: Vec<Item>,
    pub ship_to: Address,
}

impl Order {
    pub fn of(customer: &str, id: u64) -> Self {
        Self { id, customer: customer.to_owned(), items: vec![Item::of("lamp")], ship_to: Address::in_city("Tokyo") }
    }
}

impl Item {
    pub fn of(sku: &str) -> Self {
        Self { sku: sku.to_owned(), count: 1, cents: 995 }
    }
}

impl Address {
    pub fn in_city(city: &str) -> Self {
        Self { street: "Main Street 1".to_owned(), city: city.to_owned(), zip: None }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    pub number: u64,
    pub cents: u64,
    pub lines: Vec<String>,
}

#[derive(Debug, DurableError, Serialize, Deserialize, thiserror::Error)]
pub enum Refused {
    #[error("busy")]
    Busy,
    #[error("no such thing: {0}")]
    #[no_retry]
    Unknown(String),
}

#[derive(Clone, Debug, CustomStatus, Serialize, Deserialize)]
pub enum Progress {
    Started { of: u32 },
    Working { done: u32, of: u32, about: BoundedStr<32> },
}

/// Stands for a service that an activity asks.
pub async fn look_up(key: &str) -> Option<u64> {
    std::future::ready(key.len() as u64).await.checked_sub(1)
}
