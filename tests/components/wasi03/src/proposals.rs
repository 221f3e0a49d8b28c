//! What is not WASI yet and many a host has: settings, levels of the log and key-value stores. The interfaces wait in
//! the way of 0.2; what they can do is seen at the component of 0.2.

use self::usual::wasi::config::store as config;
use self::usual::wasi::keyvalue::{atomics, batch, store};
use self::usual::wasi::logging::logging::{self, Level};
use crate::{Answer, body};

mod usual {
    wit_bindgen::generate!({ path: "../wit/usual", generate_all });
}

/// Uses each of them once.
pub(crate) fn proposals() -> Answer {
    logging::log(Level::Warn, "orders", "warned");
    let greeting = config::get("GREETING").expect("settings can be had");
    let counted = store::open("default").and_then(|bucket| {
        let sum = atomics::increment(&bucket, "n", 1)?;
        let found = batch::get_many(&bucket, &["n".to_owned()])?;
        Ok((sum, found.into_iter().flatten().count()))
    });
    body::text(&format!("{greeting:?} {counted:?}"))
}
