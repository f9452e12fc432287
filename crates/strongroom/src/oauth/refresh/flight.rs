//! One refresh at a time for each credential in this process: everybody who wants it waits for the same one, and it ends by
//! itself, whoever has gone away meanwhile.

use std::collections::hash_map::Entry;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use crate::credential::CredentialRow;
use crate::id::CredentialId;
use crate::vault::Vault;

/// How long a vault that is closed waits for the last of them.
const LAST: Duration = Duration::from_secs(30);

/// A refresh under way in this process: everybody who wants the same one waits for it.
pub(crate) type Flight = watch::Receiver<bool>;

impl Vault {
    /// Joins the refresh of this credential that is under way here, or begins one, in a task of its own.
    pub(super) async fn fly(&self, row: &CredentialRow, forced: bool) {
        let (owner, id, generation) = (row.owner.clone(), row.id, row.generation);
        let (land, landed) = watch::channel(false);
        let under_way = match self.flights.lock().unwrap_or_else(PoisonError::into_inner).entry(id) {
            Entry::Occupied(flight) => Some(flight.get().clone()),
            Entry::Vacant(place) => {
                place.insert(landed.clone());
                None
            }
        };
        let mut landed = match under_way {
            Some(flight) => flight,
            None => {
                let (vault, landing) = (self.clone(), Landing { vault: self.clone(), id, land });
                // The lock is not held here: a runtime that is going down drops the task, which lands at once.
                tokio::spawn(async move {
                    let _landing = landing;
                    if vault.closing.load(Ordering::Acquire) {
                        return;
                    }
                    if let Err(error) = vault.refresh_once(&owner, id, generation, forced).await {
                        tracing::warn!(credential = %id, %error, "a refresh was not carried out");
                    }
                });
                landed
            }
        };
        let _ = landed.wait_for(|landed| *landed).await;
    }

    /// Lets no new refresh begin, and waits for those that are under way: what they bring must not be lost.
    pub(crate) async fn land_all(&self) {
        self.closing.store(true, Ordering::Release);
        let flights: Vec<Flight> =
            self.flights.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let all = async {
            for mut flight in flights {
                let _ = flight.wait_for(|landed| *landed).await;
            }
        };
        if tokio::time::timeout(LAST, all).await.is_err() {
            tracing::error!("a refresh was still under way when the vault was closed");
        }
    }
}

/// A flight lands however it ends: also when its task panics, nobody waits for ever.
struct Landing {
    vault: Vault,
    id: CredentialId,
    land: watch::Sender<bool>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.vault.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        let _ = self.land.send(true);
    }
}
