//! Work that must finish even if its caller disconnects.

use crate::error::Error;
use crate::request;

/// Runs in a new task. If the caller disconnects, a grant whose code is already used is not lost.
pub(super) async fn run_to_completion<T: Send + 'static>(
    task: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let finished = request::spawn(task).await;
    finished.unwrap_or_else(|_| Err(Error::Provider("the connection was cut off".to_owned())))
}
