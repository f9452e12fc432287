//! Time is handed in, so that tests can move it. Every instant in Strongroom is whole milliseconds, UTC.

use jiff::Timestamp;

/// A source of the present instant.
pub trait Clock: Send + Sync {
    /// Now, in whole milliseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the ambient clock becomes a handed-in one")]
    fn now(&self) -> Timestamp {
        whole_milliseconds(Timestamp::now())
    }
}

pub(crate) fn whole_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
