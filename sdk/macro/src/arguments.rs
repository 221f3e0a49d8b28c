//! What stands in the parentheses of the attribute. Each mistake has its own message, at the place
//! of the mistake. Invariant: values that come out of here are ones that the manager accepts.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, LitStr, Result, Token, parenthesized};

use crate::{name, route};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const AUTH_LEVELS: [&str; 3] = ["anonymous", "function", "admin"];
const KEYS: &str = "`route`, `methods`, `auth` and `name`";

/// The arguments of `#[steading::http(…)]`; what is absent has its default put in later.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) route: Option<String>,
    pub(crate) methods: Vec<String>,
    pub(crate) auth: Option<String>,
    pub(crate) name: Option<String>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        let mut seen: Vec<Ident> = vec![];
        while !input.is_empty() {
            if input.peek(LitStr) {
                return Err(input.error("a text needs its key, such as `route = \"orders/{id?}\"`"));
            }
            let key = input.call(Ident::parse_any)?;
            if seen.contains(&key) {
                return Err(Error::new(key.span(), format!("`{key}` is given twice")));
            }
            arguments.parse_value(&key, input)?;
            seen.push(key);
            if !input.is_empty() && !input.peek(Token![,]) {
                return Err(input.error("expected a comma between the keys"));
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(arguments)
    }
}

impl Arguments {
    fn parse_value(&mut self, key: &Ident, input: ParseStream<'_>) -> Result<()> {
        match key.to_string().as_str() {
            "route" => self.route = Some(parse_route(key, input)?),
            "methods" => self.methods = parse_methods(input)?,
            "auth" => self.auth = Some(parse_auth(key, input)?),
            "name" => self.name = Some(parse_name(key, input)?),
            other => {
                let hint = match other {
                    "method" | "verb" | "verbs" => "; did you mean `methods(GET, POST)`?",
                    "path" | "url" => "; did you mean `route = \"…\"`?",
                    "level" | "auth_level" => "; did you mean `auth = \"…\"`?",
                    _ => "",
                };
                let message = format!("unknown key `{other}`; the keys are {KEYS}{hint}");
                return Err(Error::new(key.span(), message));
            }
        }
        Ok(())
    }
}

fn parse_text(key: &Ident, example: &str, input: ParseStream<'_>) -> Result<LitStr> {
    let fault = |span: Span| Error::new(span, format!("write `{key} = \"{example}\"`"));
    if !input.peek(Token![=]) {
        return Err(fault(key.span()));
    }
    input.parse::<Token![=]>()?;
    input.parse().map_err(|error| fault(error.span()))
}

fn parse_route(key: &Ident, input: ParseStream<'_>) -> Result<String> {
    let text = parse_text(key, "orders/{id?}", input)?;
    match route::fault(&text.value()) {
        None => Ok(text.value()),
        Some(reason) => {
            let message = format!("route `{}` is not valid: {reason}", text.value());
            Err(Error::new(text.span(), message))
        }
    }
}

fn parse_name(key: &Ident, input: ParseStream<'_>) -> Result<String> {
    let text = parse_text(key, "orders", input)?;
    match name::fault(&text.value()) {
        None => Ok(text.value()),
        Some(reason) => {
            let message = format!("`{}` cannot name a function: {reason}", text.value());
            Err(Error::new(text.span(), message))
        }
    }
}

fn parse_auth(key: &Ident, input: ParseStream<'_>) -> Result<String> {
    let text = parse_text(key, "anonymous", input)?;
    let level = text.value();
    if AUTH_LEVELS.contains(&level.as_str()) {
        return Ok(level);
    }
    let message =
        format!("unknown auth level `{level}`; the levels are `anonymous`, `function` and `admin`");
    Err(Error::new(text.span(), message))
}

fn parse_methods(input: ParseStream<'_>) -> Result<Vec<String>> {
    if !input.peek(syn::token::Paren) {
        return Err(input.error("write `methods(GET, POST)`"));
    }
    let list;
    let parentheses = parenthesized!(list in input);
    let idents = Punctuated::<Ident, Token![,]>::parse_terminated_with(&list, Ident::parse_any)
        .map_err(|error| Error::new(error.span(), "write `methods(GET, POST)`"))?;
    let mut methods: Vec<String> = vec![];
    for ident in idents {
        let method = ident.to_string();
        check_method(&method, &methods).map_err(|message| Error::new(ident.span(), message))?;
        methods.push(method);
    }
    if methods.is_empty() {
        let message = "name at least one method, or leave out `methods` to answer all of them";
        return Err(Error::new(parentheses.span.join(), message));
    }
    Ok(methods)
}

fn check_method(method: &str, before: &[String]) -> std::result::Result<(), String> {
    if before.iter().any(|other| other == method) {
        return Err(format!("`{method}` is given twice"));
    }
    if METHODS.contains(&method) {
        return Ok(());
    }
    let upper = method.to_ascii_uppercase();
    if METHODS.contains(&upper.as_str()) {
        return Err(format!("unknown method `{method}`; did you mean `{upper}`?"));
    }
    Err(format!("unknown method `{method}`; the methods are {}", METHODS.join(", ")))
}
