//! Reading the portal's two forms that carry a file. Holds a form in memory; the gate has bounded it.
//!
//! One invariant: nothing of a form is returned before its CSRF token was found good. The gate
//! leaves a multipart form without the CSRF header to this file, because only the form has it.

use std::collections::BTreeMap;

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;

use crate::auth::{self, Session};
use crate::error::{ApiError, Code};

/// What a form holds.
#[derive(Debug, Default)]
pub(crate) struct MultipartForm {
    fields: BTreeMap<String, String>,
    /// The file, when one was chosen.
    pub(crate) file: Option<FormFile>,
}

/// A file of a form.
#[derive(Debug)]
pub(crate) struct FormFile {
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
}

impl MultipartForm {
    /// Reads a form. Its CSRF token is in the header, where the gate has checked it, or is the
    /// form's first field.
    pub(crate) async fn read(
        session: &Session,
        headers: &HeaderMap,
        mut multipart: Multipart,
    ) -> Result<Self, ApiError> {
        let mut trusted = headers.contains_key(auth::CSRF_HEADER);
        let mut form = Self::default();
        while let Some(field) = multipart.next_field().await.map_err(broken)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == auth::CSRF_FIELD {
                let text = field.text().await.map_err(broken)?;
                trusted = trusted || auth::csrf_matches(&session.csrf, &text);
            } else if !trusted {
                return Err(untrusted());
            } else if name == "file" {
                form.file = read_file(field).await?;
            } else {
                form.fields.insert(name, field.text().await.map_err(broken)?);
            }
        }
        // also a form without any field has to bring its token
        if trusted { Ok(form) } else { Err(untrusted()) }
    }

    /// Takes a field out; absent is empty.
    pub(crate) fn take(&mut self, name: &str) -> String {
        self.fields.remove(name).unwrap_or_default()
    }
}

fn untrusted() -> ApiError {
    ApiError::new(
        Code::Forbidden,
        "the CSRF token is missing or wrong; reload the page and try again",
    )
}

/// A file field without a chosen file arrives with an empty name and no bytes.
async fn read_file(field: Field<'_>) -> Result<Option<FormFile>, ApiError> {
    let unnamed = field.file_name().unwrap_or_default().is_empty();
    let content_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
    let bytes = field.bytes().await.map_err(broken)?;
    Ok((!unnamed || !bytes.is_empty()).then_some(FormFile { content_type, bytes }))
}

// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn broken(error: MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(Code::ModuleTooLarge, "the file is larger than this manager takes");
    }
    ApiError::new(Code::BodyInvalid, "the form cannot be read or ended before it was whole")
        .caused_by(error)
}
