//! `POST /api/orders` totals an order; `GET /api/orders` is the price list and
//! `GET /api/orders/{id}` one article of it. Nothing is stored. Invariant: money is whole cents.

#![forbid(unsafe_code)]

mod catalog;
mod order;

use serde::Serialize;
use steading::{Error, Request, Response};

use crate::catalog::{ARTICLES, Article};
use crate::order::Order;

/// The longest order taken: a hundred lines are less than 16 KiB.
const BODY_BYTES_MAX: usize = 64 << 10;

#[steading::http(route = "orders/{id?}", methods(GET, POST), auth = "anonymous")]
fn orders(request: Request) -> Result<Response, Error> {
    match (request.method(), request.param("id")) {
        ("GET", None) => Ok(price_list()),
        ("GET", Some(id)) => article(id),
        (_, None) => quote(&request),
        (_, Some(_)) => Err(Error::new(404, "send orders to /api/orders")),
    }
}

fn price_list() -> Response {
    #[derive(Serialize)]
    struct PriceList {
        currency: &'static str,
        articles: &'static [Article],
    }
    Response::json(&PriceList { currency: catalog::CURRENCY, articles: ARTICLES })
}

fn article(id: &str) -> Result<Response, Error> {
    let article = catalog::find(id)
        .ok_or_else(|| Error::new(404, format!("the price list has no article `{id}`")))?;
    Ok(Response::json(article))
}

fn quote(request: &Request) -> Result<Response, Error> {
    request.body_within(BODY_BYTES_MAX)?;
    let order: Order = request.json()?;
    Ok(Response::json(&order.quote()?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use steading::IntoResponse;
    use steading::testing::request;

    use super::*;

    fn post(body: &str) -> (u16, Value) {
        let request = request("POST", "/api/orders").body(body).build();
        let response = orders(request).into_response();
        (response.status_code(), response.body_json().unwrap())
    }

    #[test]
    fn the_sample_is_totalled_in_cents() {
        let (status, quotation) = post(include_str!("../sample.json"));
        assert_eq!(status, 200);
        assert_eq!(quotation["total_cents"], 2 * 890 + 1250);
        assert_eq!(quotation["total"], "30.30");
        assert_eq!(quotation["lines"][0]["cents"], 1780);
    }

    #[test]
    fn a_bad_order_is_answered_with_the_field_at_fault() {
        let line = |line: Value| json!({"customer": "Ada", "items": [line]}).to_string();
        let cases = [
            (line(json!({"article": "tea-assam", "quantity": 0})), 422, "items[0].quantity"),
            (line(json!({"article": "gold", "quantity": 1})), 422, "items[0].article"),
            (line(json!({"article": "tea-assam", "quantity": "2"})), 400, "items[0].quantity"),
            (line(json!({"article": "tea-assam"})), 400, "items[0]"),
            (json!({"customer": " ", "items": []}).to_string(), 422, "customer"),
            (json!({"customer": "Ada", "items": []}).to_string(), 422, "items"),
        ];
        for (body, status, field) in cases {
            let (answered, problem) = post(&body);
            assert_eq!((answered, &problem["field"]), (status, &json!(field)), "{body} {problem}");
            assert_eq!(problem["status"], status);
        }
    }

    #[test]
    fn a_body_that_is_not_json_is_answered_with_its_place() {
        let (status, problem) = post("{\"customer\": ");
        assert_eq!(status, 400);
        assert!(problem["detail"].as_str().unwrap().contains("line 1 column 13"), "{problem}");
    }

    #[test]
    fn a_body_that_is_no_order_by_its_size_is_refused() {
        assert_eq!(post(&" ".repeat(BODY_BYTES_MAX + 1)).0, 413);
    }

    #[test]
    fn the_price_list_and_its_articles_can_be_read() {
        let list = orders(request("GET", "/api/orders").build()).into_response();
        let list: Value = list.body_json().unwrap();
        assert_eq!(list["articles"].as_array().unwrap().len(), ARTICLES.len());
        let get = |id: &str| {
            let path = format!("/api/orders/{id}");
            orders(request("GET", path).param("id", id).build()).into_response()
        };
        assert_eq!(get("mug-blue").body_json::<Value>().unwrap()["cents"], 1250);
        assert_eq!(get("gold").status_code(), 404);
    }
}
