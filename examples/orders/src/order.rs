//! An order as the caller sends it, the rules it must keep, and the quotation made of it. Invariant:
//! a broken rule names its field in the way the caller would write it, such as `items[1].quantity`.

use serde::{Deserialize, Serialize};
use steading::{Error, Problem};

use crate::catalog;

/// The most lines of one order; more is a data feed, not an order.
const ITEMS_MAX: usize = 100;

/// The most pieces of one article; keeps totals far below what a `u64` of cents holds.
const QUANTITY_MAX: u32 = 1000;

/// An order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    customer: String,
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    article: String,
    quantity: u32,
}

/// What the order costs.
#[derive(Debug, Serialize)]
pub(crate) struct Quotation {
    customer: String,
    lines: Vec<Line>,
    currency: &'static str,
    total_cents: u64,
    total: String,
}

#[derive(Debug, Serialize)]
struct Line {
    article: &'static str,
    name: &'static str,
    quantity: u32,
    cents: u64,
}

impl Order {
    /// Checks the order and totals it.
    pub(crate) fn quote(self) -> Result<Quotation, Error> {
        if self.customer.trim().is_empty() {
            return Err(refused("customer", "the customer has no name"));
        }
        if self.items.is_empty() || self.items.len() > ITEMS_MAX {
            return Err(refused("items", &format!("an order has 1 to {ITEMS_MAX} items")));
        }
        let items = self.items.iter().enumerate();
        let lines: Vec<Line> =
            items.map(|(index, item)| item.line(index)).collect::<Result<_, _>>()?;
        let total_cents = lines.iter().map(|line| line.cents).sum();
        Ok(Quotation {
            customer: self.customer,
            lines,
            currency: catalog::CURRENCY,
            total_cents,
            total: format!("{}.{:02}", total_cents / 100, total_cents % 100),
        })
    }
}

impl Item {
    fn line(&self, index: usize) -> Result<Line, Error> {
        let Some(article) = catalog::find(&self.article) else {
            let detail = format!("the price list has no article `{}`", self.article);
            return Err(refused(&format!("items[{index}].article"), &detail));
        };
        if !(1..=QUANTITY_MAX).contains(&self.quantity) {
            let detail = format!("the quantity is {}, not 1 to {QUANTITY_MAX}", self.quantity);
            return Err(refused(&format!("items[{index}].quantity"), &detail));
        }
        Ok(Line {
            article: article.id,
            name: article.name,
            quantity: self.quantity,
            cents: u64::from(self.quantity) * u64::from(article.cents),
        })
    }
}

fn refused(field: &str, detail: &str) -> Error {
    let detail = format!("{field}: {detail}");
    Problem::new(422, "The order is refused").detail(detail).member("field", field).into()
}
