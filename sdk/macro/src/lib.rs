//! The attribute macros of the crate `steading`; use them from there. They check what is written,
//! export the function and describe it in the module, and generate no other logic: that is
//! ordinary code in `steading::entry`. Invariant: the marked function's text
//! is passed on unchanged.

mod arguments;
mod expand;
mod function;
mod name;
mod route;

use proc_macro::TokenStream;

/// Makes a plain `fn` an HTTP function.
///
/// The function takes a `Request` and returns a `Response`, or a `Result` of two types that
/// implement `IntoResponse`. It stays an ordinary function besides. All keys may be left out:
///
/// | key | meaning | default |
/// |---|---|---|
/// | `route = "orders/{id?}"` | path below the app's prefix `/api/`: fixed parts, `{name}`, and as last part `{name?}` or `{*rest}` | the function's name |
/// | `methods(GET, POST)` | the methods it answers, of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS | all |
/// | `auth = "anonymous"` | what a caller must show: `anonymous` nothing, `function` a function key, `admin` the app's master key | `"function"` |
/// | `name = "orders"` | the function's name in the app: letters, digits, `_` and `-`, beginning with a letter | the name of the `fn` |
///
/// ```text
/// #[steading::http(route = "orders/{id?}", methods(GET, POST), auth = "anonymous")]
/// fn orders(request: Request) -> Response { … }
/// ```
#[proc_macro_attribute]
pub fn http(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::http(arguments.into(), &item.into()).into()
}
