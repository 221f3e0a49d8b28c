//! The administrator's password: hashing with argon2id, checking, and taking over one from the
//! environment. There is one administrator; accounts are not a thing of this release.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use steading_protocol::Secret;
use tokio::sync::Semaphore;

use crate::store::{Setting, Store, StoreError};

/// The shortest password taken: what NIST SP 800-63B asks for at least.
pub(crate) const PASSWORD_CHARS_MIN: usize = 8;

/// The longest password taken; a limit so that hashing cannot be fed megabytes.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Hashes computed at once: each takes 19 MiB and a core.
const HASHES_MAX: usize = 2;

/// A password that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordRefused {
    /// Too short.
    #[error("the password has fewer than {PASSWORD_CHARS_MIN} characters")]
    Short,
    /// Too long.
    #[error("the password has more than {PASSWORD_BYTES_MAX} bytes")]
    Long,
}

/// Permits for hashing.
#[derive(Debug)]
pub(super) struct Hashing(Arc<Semaphore>);

impl Default for Hashing {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(HASHES_MAX)))
    }
}

/// Checks a new password against the rules.
pub(crate) fn check_password(password: &Secret) -> Result<(), PasswordRefused> {
    if password.expose().chars().count() < PASSWORD_CHARS_MIN {
        return Err(PasswordRefused::Short);
    }
    if password.expose().len() > PASSWORD_BYTES_MAX {
        return Err(PasswordRefused::Long);
    }
    Ok(())
}

impl Hashing {
    /// The PHC string of a password.
    pub(super) async fn hash(&self, password: &Secret) -> String {
        self.run(password, |password| {
            Argon2::default()
                .hash_password(password.expose().as_bytes(), &SaltString::generate(&mut OsRng))
                .expect("argon2 hashes any text within the length limit")
                .to_string()
        })
        .await
    }

    /// Whether a password is the one of a PHC string.
    pub(super) async fn verify(&self, password: &Secret, phc: String) -> bool {
        if password.expose().len() > PASSWORD_BYTES_MAX {
            return false;
        }
        self.run(password, move |password| {
            PasswordHash::new(&phc).is_ok_and(|hash| {
                Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok()
            })
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        password: &Secret,
        work: impl FnOnce(&Secret) -> T + Send + 'static,
    ) -> T {
        let permit = Arc::clone(&self.0)
            .acquire_owned()
            .await
            .expect("the semaphore of the hashing permits is never closed");
        let password = password.clone();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&password)
        })
        .await
        .expect("hashing does not panic and is not aborted")
    }
}

/// Makes a configured password the administrator's: sets it when there is none, and replaces a
/// different one, which ends every session. Returns whether something changed.
pub(crate) async fn adopt_password(
    store: &dyn Store,
    password: &Secret,
) -> Result<bool, StoreError> {
    let hashing = Hashing::default();
    let Some(phc) = store.setting_get(Setting::AdminPassword).await? else {
        store.setting_put(Setting::AdminPassword, &hashing.hash(password).await).await?;
        return Ok(true);
    };
    if hashing.verify(password, phc).await {
        return Ok(false);
    }
    store.setting_put(Setting::AdminPassword, &hashing.hash(password).await).await?;
    store.session_delete_all().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_and_knows_its_password_only() {
        let hashing = Hashing::default();
        let password = Secret::new("correct horse");
        let phc = hashing.hash(&password).await;
        assert!(phc.starts_with("$argon2id$"), "{phc}");
        assert!(hashing.verify(&password, phc.clone()).await);
        assert!(!hashing.verify(&Secret::new("correct horsE"), phc.clone()).await);
        assert!(!hashing.verify(&Secret::new("x".repeat(2000)), phc).await);
        assert!(!hashing.verify(&password, "not a hash".into()).await);
    }

    #[test]
    fn short_and_huge_passwords_are_refused() {
        assert!(check_password(&Secret::new("1234567")).is_err());
        assert!(check_password(&Secret::new("x".repeat(2000))).is_err());
        assert!(check_password(&Secret::new("12345678")).is_ok());
    }
}
