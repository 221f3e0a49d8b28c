//! The checks of the `fn` under the attribute that can be made from its text alone. Its types are the
//! compiler's business (`steading::entry::check_argument` and `check_output`).

use syn::{Error, FnArg, ItemFn, Result, ReturnType, Signature};

const SHAPE: &str = "a function takes one argument, `Request`, and returns a `Response` or a \
                     `Result<Response, E>`";

/// Reads the item as a `fn` that a worker could call.
pub(crate) fn parse(item: proc_macro2::TokenStream) -> Result<ItemFn> {
    let span = item.clone().into_iter().next().map(|token| token.span());
    let function: ItemFn = syn::parse2(item.clone()).map_err(|error| match syn::parse2(item) {
        // The item is sound Rust, and no `fn`.
        Ok(syn::Item::Fn(_)) | Err(_) => error,
        Ok(_) => Error::new(
            span.unwrap_or_else(|| error.span()),
            "`#[steading::http]` can only stand on a function: a plain `fn` outside of any `impl`",
        ),
    })?;
    check(&function.sig)?;
    Ok(function)
}

fn check(signature: &Signature) -> Result<()> {
    if let Some(token) = &signature.asyncness {
        let message = "a function cannot be `async`: it has its sandbox to itself, and waiting \
                       in it holds nobody up";
        return Err(Error::new_spanned(token, message));
    }
    if let Some(token) = &signature.unsafety {
        return Err(Error::new_spanned(
            token,
            "a function cannot be `unsafe`: its caller is anyone",
        ));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new_spanned(abi, "a function is a plain `fn`; leave out `extern`"));
    }
    if !signature.generics.params.is_empty() {
        let message = "a function cannot be generic: nobody is there to choose the types";
        return Err(Error::new_spanned(&signature.generics, message));
    }
    check_arguments(signature)?;
    match &signature.output {
        ReturnType::Default => {
            let message = format!("nothing is returned; {SHAPE}");
            Err(Error::new_spanned(&signature.ident, message))
        }
        ReturnType::Type(..) => Ok(()),
    }
}

fn check_arguments(signature: &Signature) -> Result<()> {
    if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
        let message = "a method cannot be a function; move it out of the `impl`";
        return Err(Error::new_spanned(receiver, message));
    }
    match signature.inputs.len() {
        1 => Ok(()),
        0 => Err(Error::new_spanned(&signature.ident, format!("the argument is missing; {SHAPE}"))),
        count => {
            let message = format!("{count} arguments are too many; {SHAPE}");
            Err(Error::new_spanned(&signature.inputs, message))
        }
    }
}
