//! One refresh at a time for each credential in this process: everybody who wants it waits for the same one, and it ends by
//! itself, whoever has gone away meanwhile.

use std::collections::hash_map::Entry;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use crate::credential::CredentialRow;
use crate::error::Error;
use crate::id::CredentialId;
use crate::request;
use crate::vault::Vault;

/// How long a vault that is closed waits for the last of them.
const LAST: Duration = Duration::from_secs(30);

/// A refresh under way in this process: everybody who wants the same one waits for it.
pub(crate) type Flight = watch::Receiver<bool>;

/// Whether a call to a provider may begin on somebody's account; if not, after how many seconds it may. Not asked of those who
/// join one that is under way, or come after it: a hundred reports of one 401 are one call. It is asked under a lock, so it
/// answers at once and does not ask the vault.
pub type Leave<'a> = &'a (dyn Fn() -> Result<(), u64> + Send + Sync);

impl Vault {
    /// Joins the refresh of this credential that is under way here, or begins one; and waits for its end.
    pub(super) async fn fly(&self, row: &CredentialRow) {
        // Nobody is asked for leave, so nobody refuses it.
        let _ = self.flight(row, None).await;
    }

    /// The same for somebody who asks for it whether or not it is due, and needs `leave` to begin one.
    pub(super) async fn force(&self, row: &CredentialRow, leave: Leave<'_>) -> Result<(), Error> {
        // The one that was joined may have been about an older token, or not forced: then there is a second.
        for _ in 0..2 {
            if self.is_settled(row).await? {
                break;
            }
            match self.flight(row, Some(leave)).await {
                Ok(true) => break,
                Ok(false) => {}
                // It came while the one that it wanted was landing.
                Err(_) if self.is_settled(row).await? => break,
                Err(retry_after) => return Err(Error::TooManyCalls { retry_after }),
            }
        }
        Ok(())
    }

    /// With `leave`, which is asked only if none is under way, the new one is forced. Says, at its end, whether it was new.
    async fn flight(&self, row: &CredentialRow, leave: Option<Leave<'_>>) -> Result<bool, u64> {
        let (land, landed) = watch::channel(false);
        let under_way = match self.flights.lock().unwrap_or_else(PoisonError::into_inner).entry(row.id) {
            Entry::Occupied(flight) => Some(flight.get().clone()),
            Entry::Vacant(place) => {
                if let Some(leave) = leave {
                    leave()?;
                }
                place.insert(landed.clone());
                None
            }
        };
        let is_new = under_way.is_none();
        let mut landed = under_way.unwrap_or_else(|| {
            // The lock is not held here: a runtime that is going down drops the task, which lands at once.
            self.take_off(row, leave.is_some(), land);
            landed
        });
        let _ = landed.wait_for(|landed| *landed).await;
        Ok(is_new)
    }

    fn take_off(&self, row: &CredentialRow, forced: bool, land: watch::Sender<bool>) {
        let (owner, id, generation) = (row.owner.clone(), row.id, row.generation);
        let (vault, landing) = (self.clone(), Landing { vault: self.clone(), id, land });
        request::spawn(async move {
            let _landing = landing;
            if vault.closing.load(Ordering::Acquire) {
                return;
            }
            if let Err(error) = vault.refresh_once(&owner, id, generation, forced).await {
                tracing::warn!(credential = %id, %error, "a refresh was not carried out");
            }
        });
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
