//! The request id of the current task. Log lines read it from a task-local value. A spawned task that outlives its
//! request keeps the id of that request.

pub use strongroom_store::RequestId;
use tokio::task::JoinHandle;

tokio::task_local! {
    static ID: RequestId;
}

/// The request id of the current task, if it has one. The log reads it for each line.
#[must_use]
pub fn current() -> Option<RequestId> {
    ID.try_with(RequestId::clone).ok()
}

/// Runs `work` with this request id.
pub fn answer<F: Future>(id: RequestId, work: F) -> impl Future<Output = F::Output> {
    ID.scope(id, work)
}

/// Runs `work` in a new task with the request id of the current task.
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
    async fn spawned_task_keeps_the_request_id() {
        assert_eq!(current(), None);
        let id: RequestId = "just-this-one".parse().expect("an id");
        let goes_on = answer(id.clone(), async { (current(), spawn(async { current() })) });
        let (here, there) = goes_on.await;
        assert_eq!((here.as_ref(), there.await.expect("a task").as_ref()), (Some(&id), Some(&id)));
        assert_eq!(spawn(async { current() }).await.expect("a task"), None);
    }

    #[test]
    fn request_ids_contain_safe_characters_only() {
        assert_eq!(RequestId::of([0xab; 16]).to_string(), "ab".repeat(16));
        assert_eq!("trace-12345678".parse::<RequestId>().expect("an id").to_string(), "trace-12345678");
        for bad in ["", "seven-7", "with space", "line\nfeed", "<script>", &"x".repeat(65)] {
            assert!(bad.parse::<RequestId>().is_err(), "{bad}");
        }
    }
}
