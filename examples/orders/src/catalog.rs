//! The price list, part of the module: a new price is a new version of the app. Invariant: prices
//! are low enough that no order within the rules of `order.rs` overflows.

use serde::Serialize;

/// The currency of every price.
pub(crate) const CURRENCY: &str = "EUR";

/// Something that can be ordered.
#[derive(Debug, Serialize)]
pub(crate) struct Article {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) cents: u32,
}

/// Everything that can be ordered.
pub(crate) const ARTICLES: &[Article] = &[
    Article { id: "tea-assam", name: "Assam tea, 250 g", cents: 890 },
    Article { id: "tea-mint", name: "Peppermint tea, 100 g", cents: 440 },
    Article { id: "mug-blue", name: "Mug, blue", cents: 1250 },
    Article { id: "kettle", name: "Kettle, 1.2 l", cents: 3995 },
];

/// The article with this id.
pub(crate) fn find(id: &str) -> Option<&'static Article> {
    ARTICLES.iter().find(|article| article.id == id)
}
