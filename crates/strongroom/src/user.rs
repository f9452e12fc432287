//! Users and their data keys. A user has an id of the host, and one data key seals all credentials of the user.
//! Deleting the user destroys the data key, so copies of the sealed rows can no longer be decrypted.

use std::sync::Arc;

use strongroom_crypto::{Key, Sealed};

use crate::error::Error;
use crate::handles::Users;
use crate::vault::Vault;
pub use strongroom_store::User;
use strongroom_store::{Action, Actor, Conflict, Owner, StoreError, UserId, UserKeyRow};

impl Users<'_> {
    /// The tenant's users by id, after `after`, at most `limit`.
    ///
    /// # Errors
    /// Storage errors only.
    pub async fn list(self, after: Option<&UserId>, limit: u32) -> Result<Vec<User>, Error> {
        let Self { vault, tenant } = self;
        Ok(vault.inner.store.users(tenant, after, limit).await?)
    }

    /// Deletes a user with all credentials, sessions and the data key in one transaction. Each credential gets an
    /// event.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nothing is stored for this user.
    pub async fn delete(self, actor: &Actor, user: &UserId) -> Result<(), Error> {
        let Self { vault, tenant } = self;
        let owner = &Owner { tenant, user: user.clone() };
        loop {
            let revocations = vault.pending_revocations_of_user(owner).await?;
            let entry = vault.entry(actor, owner.tenant, Action::UserDelete).with_user(&owner.user);
            let done = vault.within_deadline(vault.inner.store.delete_user(owner, &revocations, entry)).await;
            vault.inner.user_keys.remove(owner);
            match done {
                // An account was connected or refreshed meanwhile. Its grant must be revoked too.
                Err(Error::Store(StoreError::Conflict(Conflict::Grant))) => {}
                Err(Error::Store(StoreError::Conflict(_))) => return Err(Error::NotFound { what: "user" }),
                other => return other,
            }
        }
    }
}

impl Vault {
    /// The user's data key that `sealed` names. The key is cached after it was unwrapped. If `sealed` names another key
    /// than the cache, the user was deleted and created again, possibly by another process. The key is then loaded
    /// again.
    pub(crate) async fn user_key(&self, owner: &Owner, sealed: &Sealed) -> Result<Option<Arc<Key>>, Error> {
        match self.inner.user_keys.get(owner) {
            Some((key, _)) if sealed.key_id() == Some(key.id()) => Ok(Some(key)),
            _ => {
                // The recent view is much cheaper than a new read. It only misses a user that was created after the
                // view began.
                let recent = self.inner.store.recent_user_key(owner).await?;
                match recent.map(|row| self.unwrapped(owner, row)).transpose()? {
                    Some((key, _)) if sealed.key_id() == Some(key.id()) => Ok(Some(key)),
                    _ => Ok(self.load_user_key(owner).await?.map(|(key, _)| key)),
                }
            }
        }
    }

    pub(crate) async fn user_key_or_new(&self, owner: &Owner) -> Result<(Arc<Key>, UserKeyRow), Error> {
        if let Some(found) = self.load_user_key(owner).await? {
            return Ok(found);
        }
        let (key, sealed) = self.inner.sealer.keyring().create_user_key(
            &owner.tenant.to_string(),
            owner.user.as_str(),
            &*self.inner.entropy,
        );
        let row = UserKeyRow { owner: owner.clone(), sealed, created_at: self.inner.clock.now(), found: false };
        Ok((Arc::new(key), row))
    }

    async fn load_user_key(&self, owner: &Owner) -> Result<Option<(Arc<Key>, UserKeyRow)>, Error> {
        let Some(row) = self.inner.store.user_key(owner).await? else {
            self.inner.user_keys.remove(owner);
            return Ok(None);
        };
        self.unwrapped(owner, row).map(Some)
    }

    fn unwrapped(&self, owner: &Owner, row: UserKeyRow) -> Result<(Arc<Key>, UserKeyRow), Error> {
        if let Some((key, _)) = self.inner.user_keys.get(owner).filter(|(_, kept)| kept.sealed == row.sealed) {
            return Ok((key, row));
        }
        let key =
            self.inner.sealer.keyring().open_user_key(&owner.tenant.to_string(), owner.user.as_str(), &row.sealed);
        let key = Arc::new(key.map_err(|error| {
            tracing::error!(tenant = %owner.tenant, %error, "a user's data key does not open");
            Error::Undecryptable
        })?);
        self.inner.user_keys.insert(owner.clone(), (key.clone(), Arc::new(row.clone())));
        Ok((key, row))
    }
}
