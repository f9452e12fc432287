//! The request that a task works for, by its id: what is logged meanwhile belongs to it. What goes on in a task of its own,
//! so that nobody can cut it off, still works for the request it was begun for.

use std::sync::Arc;

use tokio::task::JoinHandle;

tokio::task_local! {
    static ID: Arc<str>;
}

/// The id of the request that this task works for, if it works for one. A log asks here, for each of its lines.
#[must_use]
pub fn current() -> Option<Arc<str>> {
    ID.try_with(Arc::clone).ok()
}

/// Does this work for the request of this id.
pub fn answer<F: Future>(id: Arc<str>, work: F) -> impl Future<Output = F::Output> {
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
        let goes_on = answer("the-one".into(), async { (current(), spawn(async { current() })) });
        let (here, there) = goes_on.await;
        assert_eq!((here.as_deref(), there.await.expect("a task").as_deref()), (Some("the-one"), Some("the-one")));
        assert_eq!(spawn(async { current() }).await.expect("a task"), None);
    }
}
