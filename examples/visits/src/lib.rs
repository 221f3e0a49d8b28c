//! Counts visits of pages: `POST /api/visits/{page}` counts one, `GET /api/visits` lists them all, and
//! `DELETE /api/visits/{page}` starts one anew for whoever knows the secret `RESET_KEY`.

#![forbid(unsafe_code)]

use serde::Serialize;
use steading::{Error, Request, Response, kv, settings};

/// Pages that one answer lists; a store may have millions.
const LISTED_MAX: u32 = 100;

#[derive(Serialize)]
struct Visits {
    page: String,
    visits: i64,
}

#[derive(Serialize)]
struct Pages {
    site: String,
    pages: Vec<Visits>,
    /// What to give as `after` for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[steading::http(route = "visits/{page}", methods(POST), auth = "anonymous")]
fn visit(request: Request) -> Result<Response, Error> {
    let page = page(&request)?.to_owned();
    let visits = kv::open("default").increment(&page, 1)?;
    Ok(Response::json(&Visits { page, visits }))
}

#[steading::http(route = "visits", methods(GET), auth = "anonymous")]
fn visits(request: Request) -> Result<Response, Error> {
    let store = kv::open("default");
    let listed = store.list("", request.query_param("after").as_deref(), LISTED_MAX)?;
    let next = listed.keys.last().filter(|_| listed.more).cloned();
    let mut pages = vec![];
    for page in listed.keys {
        // one that was removed meanwhile is nothing to tell of
        if let Some(text) = store.get(&page)? {
            pages.push(Visits { page, visits: String::from_utf8_lossy(&text).parse()? });
        }
    }
    let site = settings::get("SITE_NAME").unwrap_or_else(|| "this site".to_owned());
    Ok(Response::json(&Pages { site, pages, next }))
}

#[steading::http(route = "visits/{page}", methods(DELETE), auth = "anonymous")]
fn reset(request: Request) -> Result<Response, Error> {
    let key = settings::require("RESET_KEY")?;
    let shown = request.header("x-reset-key").unwrap_or_default();
    if !is_same(shown.as_bytes(), key.as_bytes()) {
        return Err(Error::new(403, "`x-reset-key` is missing or wrong"));
    }
    kv::open("default").delete(page(&request)?)?;
    Ok(Response::new(204))
}

fn page(request: &Request) -> Result<&str, Error> {
    let page = request.param("page").unwrap_or_default();
    let usable = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if page.len() > 100 || !page.chars().all(usable) {
        return Err(Error::new(400, "a page has 1 to 100 of letters, digits, `-`, `_` and `.`"));
    }
    Ok(page)
}

/// Compares without telling by its time how much of a secret was right.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, page: &str) -> steading::testing::RequestBuilder {
        steading::testing::request(method, format!("/api/visits/{page}")).param("page", page)
    }

    #[test]
    fn every_visit_counts_and_pages_are_listed() {
        for visits in 1..=3 {
            let response = visit(asked("POST", "home").build()).unwrap();
            assert_eq!(response.body_text(), format!(r#"{{"page":"home","visits":{visits}}}"#));
        }
        visit(asked("POST", "about").build()).unwrap();
        let all = visits(steading::testing::request("GET", "/api/visits").build()).unwrap();
        let expected = r#"{"site":"this site","pages":[{"page":"about","visits":1},{"page":"home","visits":3}]}"#;
        assert_eq!(all.body_text(), expected);
    }

    #[test]
    fn nobody_resets_without_the_secret() {
        assert_eq!(reset(asked("DELETE", "home").build()).unwrap_err().status(), 500);
        assert!(is_same(b"abc", b"abc") && !is_same(b"abc", b"abd") && !is_same(b"abc", b"ab"));
        assert_eq!(visit(asked("POST", "a b").build()).unwrap_err().status(), 400);
    }
}
