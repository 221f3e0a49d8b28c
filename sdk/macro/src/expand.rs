//! What the attribute turns into: the function as it stands, a check of its types on every target,
//! and for wasm an export and a record in the module's custom section.
//!
//! The section is written by the linker, which joins the records of all functions; hence one JSON
//! object a line. Invariant: a record is one line that the manager can read.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Error, FnArg, ItemFn, Result, ReturnType};

use crate::arguments::Arguments;
use crate::{function, name};

/// `#[steading::http(…)]`.
pub(crate) fn http(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    expand(arguments, item.clone()).unwrap_or_else(|error| {
        // The item stays, so that one mistake does not bring "cannot find function" after it.
        let error = error.to_compile_error();
        quote!(#error #item)
    })
}

fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let function = function::parse(item)?;
    let name = function_name(&arguments, &function)?;
    let export = format!("steading.http.{name}");
    let record = record(&name, &export, &arguments);
    let record_len = record.len();
    let record = Literal::byte_string(record.as_bytes());
    let ident = &function.sig.ident;
    let conditions = conditions(&function);
    let check = check(&function);
    Ok(quote! {
        #[allow(clippy::needless_pass_by_value, reason = "the worker gives the request away")]
        #function

        #check

        #(#conditions)*
        #[cfg(target_family = "wasm")]
        const _: () = {
            #[unsafe(export_name = #export)]
            extern "C" fn __steading_call(head_len: usize) -> i32 {
                ::steading::entry::call(head_len, #ident)
            }

            #[unsafe(link_section = "steading.functions")]
            static __STEADING_RECORD: [u8; #record_len] = *#record;
        };
    })
}

/// The checks of the two types, each at its place.
fn check(function: &ItemFn) -> TokenStream {
    let ident = &function.sig.ident;
    let (Some(FnArg::Typed(argument)), ReturnType::Type(_, output)) =
        (function.sig.inputs.first(), &function.sig.output)
    else {
        return TokenStream::new();
    };
    let argument_type = &argument.ty;
    let conditions = conditions(function);
    let argument = quote_spanned! {argument_type.span()=>
        #(#conditions)*
        const _: () = ::steading::entry::check_argument::<#argument_type>();
    };
    let output = quote_spanned! {output.span()=>
        #(#conditions)*
        const _: () = ::steading::entry::check_output::<#output>();
    };
    // On targets without the export, this is what keeps the function from looking unused.
    let used = quote! {
        #(#conditions)*
        const _: () = { let _ = #ident; };
    };
    quote!(#argument #output #used)
}

/// A function that is compiled on a condition has its export on the same one.
fn conditions(function: &ItemFn) -> Vec<&Attribute> {
    function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

fn function_name(arguments: &Arguments, function: &ItemFn) -> Result<String> {
    if let Some(name) = &arguments.name {
        return Ok(name.clone());
    }
    let ident = &function.sig.ident;
    let name = ident.unraw().to_string();
    match name::fault(&name) {
        None => Ok(name),
        Some(reason) => {
            let message = format!(
                "`{name}` cannot name a function: {reason}; give another with `name = \"…\"`"
            );
            Err(Error::new_spanned(ident, message))
        }
    }
}

/// The record as one line of JSON. Nothing in it needs escaping: names, routes, methods and levels
/// have passed checks that leave no quote, backslash or control character.
fn record(name: &str, export: &str, arguments: &Arguments) -> String {
    let route = arguments.route.as_deref().unwrap_or(name);
    let auth = arguments.auth.as_deref().unwrap_or("function");
    let methods: Vec<String> = arguments.methods.iter().map(|m| format!("\"{m}\"")).collect();
    let methods = methods.join(",");
    format!(
        r#"{{"v":1,"name":"{name}","export":"{export}","trigger":{{"type":"http","route":"{route}","methods":[{methods}],"auth":"{auth}"}}}}"#
    ) + "\n"
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use steading_protocol::{AuthLevel, FunctionRecord, Method, Trigger};
    use syn::Lit;

    use super::*;

    /// The bytes that the expansion puts into the custom section.
    fn section(arguments: TokenStream, item: &TokenStream) -> Vec<u8> {
        let file: syn::File = syn::parse2(http(arguments, item)).unwrap();
        let bytes = file.items.iter().find_map(|item| {
            let syn::Item::Const(item) = item else { return None };
            let syn::Expr::Block(block) = &*item.expr else { return None };
            block.block.stmts.iter().find_map(|statement| {
                let syn::Stmt::Item(syn::Item::Static(record)) = statement else { return None };
                let syn::Expr::Unary(value) = &*record.expr else { return None };
                let syn::Expr::Lit(literal) = &*value.expr else { return None };
                let Lit::ByteStr(bytes) = &literal.lit else { return None };
                Some(bytes.value())
            })
        });
        bytes.expect("the expansion has a record")
    }

    fn record(arguments: TokenStream, item: &TokenStream) -> FunctionRecord {
        let section = section(arguments, item);
        assert!(section.ends_with(b"\n"));
        let mut records = FunctionRecord::parse_section(&section).unwrap();
        assert_eq!(records.len(), 1);
        records.remove(0)
    }

    #[test]
    fn every_key_reaches_the_record() {
        let record = record(
            quote!(route = "Orders/{id?}", methods(GET, POST), auth = "admin", name = "my-orders"),
            &quote!(
                fn orders(request: Request) -> Response {}
            ),
        );
        assert_eq!(record.name.as_str(), "my-orders");
        assert_eq!(record.export, "steading.http.my-orders");
        let Trigger::Http(http) = record.trigger;
        assert_eq!(http.route.as_str(), "Orders/{id?}");
        assert_eq!(http.methods, [Method::Get, Method::Post]);
        assert_eq!(http.auth, AuthLevel::Admin);
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let record = record(
            quote!(),
            &quote!(
                pub fn r#match(_: Request) -> Response {}
            ),
        );
        assert_eq!(record.name.as_str(), "match");
        let Trigger::Http(http) = record.trigger;
        assert_eq!(http.route.as_str(), "match");
        assert!(http.methods.is_empty());
        assert_eq!(http.auth, AuthLevel::Function);
    }

    #[test]
    fn every_method_and_level_is_known_to_the_manager() {
        let item = quote!(
            fn f(_: Request) -> Response {}
        );
        let all = quote!(methods(GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS));
        let Trigger::Http(http) = record(all, &item).trigger;
        assert_eq!(http.methods.len(), 7);
        for level in ["anonymous", "function", "admin"] {
            let Trigger::Http(http) = record(quote!(auth = #level), &item).trigger;
            assert_eq!(http.auth.to_string(), level);
        }
    }

    #[test]
    fn the_records_of_two_functions_join_to_one_section() {
        let item = quote!(
            fn a(_: Request) -> Response {}
        );
        let joined = [section(quote!(), &item), section(quote!(name = "b"), &item)].concat();
        assert_eq!(FunctionRecord::parse_section(&joined).unwrap().len(), 2);
    }
}
