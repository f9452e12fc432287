//! The faults that a check collects before it fails.

use url::Url;

use crate::error::Error;
use crate::fields::FieldError;

/// Collects all faults of a manifest, so that its author sees them at once.
#[derive(Default)]
pub(crate) struct Violations(Vec<FieldError>);

impl Violations {
    pub(crate) fn add(&mut self, field: String, code: &'static str, message: impl Into<String>) {
        self.0.push(FieldError { field, code, message: message.into() });
    }

    pub(crate) fn text(&mut self, field: &str, text: &str, most: usize) {
        if text.trim().is_empty() || text.chars().count() > most || text.chars().any(|c| c.is_control() && c != '\n') {
            self.add(field.to_owned(), "length", format!("must have 1 to {most} characters and no control characters"));
        }
    }

    pub(crate) fn https(&mut self, field: &str, url: &str) {
        if !Url::parse(url).is_ok_and(|url| url.scheme() == "https" && url.has_host()) {
            self.add(field.to_owned(), "format", "must be an https address");
        }
    }

    pub(crate) fn into_result(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Fields(self.0)) }
    }
}
