//! Random secrets and the hashes by which they are recognised. For secrets of full entropy only:
//! a password needs a slow hash and is the business of `password`.

use sha2::{Digest, Sha256};
use steading_protocol::Secret;
use subtle::ConstantTimeEq;

/// The SHA-256 of a random secret; compared in constant time.
#[derive(Clone, Copy)]
pub(crate) struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret's text.
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The hash from a store; nothing when it has another length.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes to keep.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// A new secret of 256 random bits in hexadecimal, after a prefix that tells people and secret
/// scanners what it is.
pub(crate) fn mint(prefix: &str) -> Secret {
    Secret::new(format!("{prefix}{}", hex::encode(rand::random::<[u8; 32]>())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_recognised_by_their_hash() {
        let (a, b) = (mint("x_"), mint("x_"));
        assert_ne!(a, b);
        assert_eq!(SecretHash::of(a.expose()), SecretHash::of(a.expose()));
        assert_ne!(SecretHash::of(a.expose()), SecretHash::of(b.expose()));
        assert_eq!(a.expose().len(), 2 + 64);
    }
}
