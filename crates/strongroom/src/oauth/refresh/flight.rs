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
        if let Ok((mut flight, _)) = self.flight(row, || Ok(false)) {
            let _ = flight.wait_for(|landed| *landed).await;
        }
    }

    /// The same for somebody who asks for it whether or not it is due, and needs `leave` to begin one.
    pub(super) async fn force(&self, row: &CredentialRow, leave: Leave<'_>) -> Result<(), Error> {
        // The one that was joined may have been about an older token, or not forced: then there is a second.
        for _ in 0..2 {
            if self.is_settled(row).await? {
                break;
            }
            match self.flight(row, || leave().map(|()| true)) {
                Ok((mut flight, begun)) => {
                    let _ = flight.wait_for(|landed| *landed).await;
                    if begun {
                        break;
                    }
                }
                // It came while the one that it wanted was landing.
                Err(_) if self.is_settled(row).await? => break,
                Err(retry_after) => return Err(Error::TooManyCalls { retry_after }),
            }
        }
        Ok(())
    }

    /// `begin` is asked only if none is under way, and says whether the new one is forced. With the flight: whether it is new.
    fn flight(&self, row: &CredentialRow, begin: impl FnOnce() -> Result<bool, u64>) -> Result<(Flight, bool), u64> {
        let (owner, id, generation) = (row.owner.clone(), row.id, row.generation);
        let (land, landed) = watch::channel(false);
        let forced = match self.flights.lock().unwrap_or_else(PoisonError::into_inner).entry(id) {
            Entry::Occupied(flight) => return Ok((flight.get().clone(), false)),
            Entry::Vacant(place) => {
                let forced = begin()?;
                place.insert(landed.clone());
                forced
            }
        };
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
        Ok((landed, true))
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
