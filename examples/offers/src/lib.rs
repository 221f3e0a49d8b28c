//! Puts together what two other services know of an article. Each is asked for at most a second; what one does not
//! tell is left out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use steading::{Error, Request, Response, http};

/// Where the services are unless a setting says otherwise.
const STOCK_URL: &str = "http://127.0.0.1:9001";
const PRICES_URL: &str = "http://127.0.0.1:9002";

/// How long one service is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Offer<'a> {
    article: &'a str,
    count: Option<u32>,
    cents: Option<u32>,
    /// The services that did not answer.
    missing: Vec<&'static str>,
}

#[derive(Deserialize)]
struct Stock {
    count: u32,
}

#[derive(Deserialize)]
struct Price {
    cents: u32,
}

#[steading::http(route = "offers/{article}", methods(GET), auth = "anonymous")]
fn offers(request: Request) -> Result<Response, Error> {
    let article = request.param("article").unwrap_or_default();
    // it becomes part of a path
    if article.is_empty() || !article.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(Error::new(400, "an article is letters, digits and hyphens"));
    }
    let mut offer = Offer { article, count: None, cents: None, missing: vec![] };
    match asked::<Stock>("STOCK_URL", STOCK_URL, article) {
        Ok(stock) => offer.count = stock.map(|stock| stock.count),
        Err(error) => offer.missing.push(missing("stock", &error)),
    }
    match asked::<Price>("PRICES_URL", PRICES_URL, article) {
        Ok(price) => offer.cents = price.map(|price| price.cents),
        Err(error) => offer.missing.push(missing("prices", &error)),
    }
    if offer.missing.is_empty() && offer.count.is_none() && offer.cents.is_none() {
        return Err(Error::new(404, "nobody knows this article"));
    }
    Ok(Response::json(&offer))
}

fn missing(service: &'static str, error: &Error) -> &'static str {
    steading::log::warn(format!("{service} did not answer: {error}"));
    service
}

/// What a service says of an article; nothing when it does not know it.
fn asked<T: for<'de> Deserialize<'de>>(
    setting: &str,
    usual: &str,
    article: &str,
) -> Result<Option<T>, Error> {
    let base = std::env::var(setting).unwrap_or_else(|_| usual.to_owned());
    let request = http::Request::get(format!("{base}/{article}.json")).timeout(PATIENCE);
    let mut reply = http::send(request)?;
    match reply.status() {
        404 => Ok(None),
        200 => Ok(Some(reply.json()?)),
        status => Err(Error::new(502, format!("status {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use steading::testing;

    use super::*;

    fn offered(article: &str) -> Result<String, u16> {
        let request = testing::request("GET", "/api/offers").param("article", article).build();
        offers(request).map(|reply| reply.body_text().into_owned()).map_err(|error| error.status())
    }

    #[test]
    fn what_both_services_know_is_one_offer() {
        testing::answer_http(|request| match request.url() {
            "http://127.0.0.1:9001/mug-blue.json" => Ok(http::Reply::new(200, "{\"count\":7}")),
            "http://127.0.0.1:9002/mug-blue.json" => Ok(http::Reply::new(200, "{\"cents\":1250}")),
            _ => Ok(http::Reply::new(404, "")),
        });
        let expected = r#"{"article":"mug-blue","count":7,"cents":1250,"missing":[]}"#;
        assert_eq!(offered("mug-blue").unwrap(), expected);
        assert_eq!(offered("mug-red"), Err(404));
        assert_eq!(offered("../secret"), Err(400));
    }

    #[test]
    fn a_service_that_is_away_is_left_out() {
        testing::answer_http(|request| match request.url().contains(":9001") {
            true => Err(http::Error::TimedOut),
            false => Ok(http::Reply::new(200, "{\"cents\":1250}")),
        });
        let expected = r#"{"article":"mug-blue","count":null,"cents":1250,"missing":["stock"]}"#;
        assert_eq!(offered("mug-blue").unwrap(), expected);
    }
}
