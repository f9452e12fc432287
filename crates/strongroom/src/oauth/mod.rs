//! OAuth 2: connecting accounts, refreshing tokens and revoking grants. Everything that depends on the provider is data
//! (`crate::provider`). All outgoing calls use one client (`strongroom_egress`).

pub mod app;
pub mod connection;
pub mod refresh;
pub mod revoke;
mod store_tokens;
pub(crate) mod token;

pub use strongroom_egress::{EgressError, EgressPolicy};

/// Maximum number of concurrent calls of one sweep.
const MAX_CONCURRENT: usize = 16;

/// Runs each task on its own, at most `MAX_CONCURRENT` at once, and returns their results.
async fn run_bounded<T: Send + 'static>(
    tasks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let (mut under_way, mut done) = (tokio::task::JoinSet::new(), Vec::new());
    for task in tasks {
        if under_way.len() >= MAX_CONCURRENT {
            done.extend(under_way.join_next().await.and_then(Result::ok));
        }
        under_way.spawn(task);
    }
    done.extend(under_way.join_all().await);
    done
}
