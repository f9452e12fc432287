//! The request that a task works for, by its id: what is logged meanwhile belongs to it. What goes on in a task of its own,
//! so that nobody can cut it off, still works for the request it was begun for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use tokio::task::JoinHandle;

use crate::id::NameError;

/// A request's name in the log, in events and in its answer: letters, digits and hyphens, whoever made it.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Inner);

/// One of ours goes with every event: it is text only where it is written.
#[derive(Clone, PartialEq, Eq)]
enum Inner {
    Made([u8; 16]),
    Given(Arc<str>),
}

impl RequestId {
    /// Of 16 bytes that no other request has.
    #[must_use]
    pub fn of(bytes: [u8; 16]) -> Self {
        Self(Inner::Made(bytes))
    }
}

/// A caller's own: 8 to 64 letters, digits and hyphens.
impl FromStr for RequestId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Ok(Self(Inner::Given(text.into())));
        }
        Err(NameError("must have 8 to 64 letters, digits and hyphens".to_owned()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Made(bytes) => f.write_str(&HEXLOWER.encode(bytes)),
            Inner::Given(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

tokio::task_local! {
    static ID: RequestId;
}

/// The id of the request that this task works for, if it works for one. A log asks here, for each of its lines.
#[must_use]
pub fn current() -> Option<RequestId> {
    ID.try_with(RequestId::clone).ok()
}

/// Does this work for the request of this id.
pub fn answer<F: Future>(id: RequestId, work: F) -> impl Future<Output = F::Output> {
    ID.scope(id, work)
}

/// Has this work done in a task of its own, for the request that this task works for.
pub(crate) fn spawn<F: Future<Output: Send> + Send + 'static>(work: F) -> JoinHandle<F::Output> {
    match current() {
        Some(id) => tokio::spawn(answer(id, work)),
        None => tokio::spawn(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_goes_on_alone_works_for_the_same_request() {
        assert_eq!(current(), None);
        let id: RequestId = "just-this-one".parse().expect("an id");
        let goes_on = answer(id.clone(), async { (current(), spawn(async { current() })) });
        let (here, there) = goes_on.await;
        assert_eq!((here.as_ref(), there.await.expect("a task").as_ref()), (Some(&id), Some(&id)));
        assert_eq!(spawn(async { current() }).await.expect("a task"), None);
    }

    #[test]
    fn an_id_is_plain_whoever_made_it() {
        assert_eq!(RequestId::of([0xab; 16]).to_string(), "ab".repeat(16));
        assert_eq!("trace-12345678".parse::<RequestId>().expect("an id").to_string(), "trace-12345678");
        for bad in ["", "seven-7", "with space", "line\nfeed", "<script>", &"x".repeat(65)] {
            assert!(bad.parse::<RequestId>().is_err(), "{bad}");
        }
    }
}
