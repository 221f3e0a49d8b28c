//! Secrets where they lie: encrypted with AES-256-GCM, each bound to the app and the setting that it is of,
//! so that one cannot be put in the place of another. The manager seals for its store, a worker for its
//! disk, each with keys of its own.
//!
//! A sealed text is `v1.<key>.<base64 of nonce, ciphertext, tag>`. `<key>` names the key: the first digits of
//! a hash of it. Nonces are random, 96 bits; a key is good for some 2^32 of them, which is more settings than
//! anyone sets. Not here: where keys come from, and who may see what was opened.
//!
//! Considered and left: the crate `aes-gcm`, which is as good; ring is in every binary already, for TLS.

#![deny(missing_docs)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::{Digest as _, Sha256};
use steading_protocol::{AppName, Secret, SettingName};

/// The keys of a process: the first seals, every one opens.
pub struct Keys(Vec<Key>);

struct Key {
    id: String,
    key: LessSafeKey,
}

/// What a secret is of.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The app.
    pub app: &'a AppName,
    /// The setting, in any spelling.
    pub setting: &'a SettingName,
}

/// A text that holds no keys.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing in it.
    #[error("there is no key in it; make one with `openssl rand -hex 32`")]
    Absent,
    /// Not 32 bytes in hexadecimal.
    #[error("key {0} in it is not 64 hexadecimal digits; make one with `openssl rand -hex 32`")]
    NotAKey(usize),
}

/// A sealed text that cannot be opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not what was written by [`Keys::seal`].
    #[error("it is not a sealed text of this release")]
    Malformed,
    /// None of the keys sealed it.
    #[error("it was sealed with the key {0}, which is not there")]
    KeyUnknown(String),
    /// It was changed, or is of another app or setting.
    #[error("it was damaged, or moved here from another setting")]
    Broken,
}

const VERSION: &str = "v1";
const KEY_BYTES: usize = 32;

impl Keys {
    /// Keys from a text: 64 hexadecimal digits each, with white space between them.
    pub fn parse(text: &Secret) -> Result<Self, KeyError> {
        let mut keys = vec![];
        for (word, number) in text.expose().split_whitespace().zip(1..) {
            let mut bytes = [0; KEY_BYTES];
            hex::decode_to_slice(word, &mut bytes).map_err(|_| KeyError::NotAKey(number))?;
            let id = hex::encode(&Sha256::digest(bytes)[..4]);
            let key = UnboundKey::new(&AES_256_GCM, &bytes).expect("it has the length of a key");
            keys.push(Key { id, key: LessSafeKey::new(key) });
        }
        if keys.is_empty() { Err(KeyError::Absent) } else { Ok(Self(keys)) }
    }

    /// The text of a new key.
    pub fn generate() -> Secret {
        Secret::new(hex::encode(random::<KEY_BYTES>()))
    }

    /// Seals a secret for its place.
    pub fn seal(&self, place: Place<'_>, secret: &Secret) -> String {
        let (key, nonce) = (&self.0[0], random::<NONCE_LEN>());
        let mut text = secret.expose().as_bytes().to_vec();
        key.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), place.aad(), &mut text)
            .expect("a setting is shorter than what AES-GCM takes");
        let sealed = STANDARD.encode([&nonce[..], &text].concat());
        format!("{VERSION}.{}.{sealed}", key.id)
    }

    /// Opens what was sealed for the same place.
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<Secret, OpenError> {
        let (id, body) = parts(sealed).ok_or(OpenError::Malformed)?;
        let key = self.0.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| OpenError::KeyUnknown(id.to_owned()))?;
        let mut bytes = STANDARD.decode(body).map_err(|_| OpenError::Malformed)?;
        let Some((nonce, text)) = bytes.split_first_chunk_mut::<NONCE_LEN>() else {
            return Err(OpenError::Malformed);
        };
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.key.open_in_place(nonce, place.aad(), text);
        let opened = opened.map_err(|_| OpenError::Broken)?;
        let text = std::str::from_utf8(opened).map_err(|_| OpenError::Malformed)?;
        Ok(Secret::new(text))
    }

    /// Whether a sealed text is of the key that seals now.
    pub fn is_newest(&self, sealed: &str) -> bool {
        parts(sealed).is_some_and(|(id, _)| id == self.0[0].id)
    }
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has random numbers");
    bytes
}

impl Place<'_> {
    /// Neither name has a line feed.
    fn aad(self) -> Aad<Vec<u8>> {
        Aad::from(format!("steading setting\n{}\n{}", self.app, self.setting.folded()).into_bytes())
    }
}

/// Names the keys and does not show them.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(texts: &[&Secret]) -> Keys {
        let texts: Vec<_> = texts.iter().map(|text| text.expose()).collect();
        Keys::parse(&Secret::new(texts.join("\n"))).unwrap()
    }

    fn at(app: &str, setting: &str, act: impl FnOnce(Place<'_>)) {
        let (app, setting) = (app.parse().unwrap(), setting.parse().unwrap());
        act(Place { app: &app, setting: &setting });
    }

    #[test]
    fn a_secret_opens_in_its_place_and_in_no_other() {
        let keys = keys(&[&Keys::generate()]);
        let mut sealed = String::new();
        at("shop", "API_KEY", |place| sealed = keys.seal(place, &Secret::new("hunter2")));
        assert!(!sealed.contains("hunter2"));
        at("shop", "Api_Key", |place| {
            assert_eq!(keys.open(place, &sealed).unwrap().expose(), "hunter2");
            assert_ne!(keys.seal(place, &Secret::new("hunter2")), sealed, "another nonce");
        });
        at("shop", "OTHER", |p| assert_eq!(keys.open(p, &sealed).unwrap_err(), OpenError::Broken));
        at("other", "API_KEY", |p| assert!(keys.open(p, &sealed).is_err()));
    }

    #[test]
    fn a_key_is_replaced_by_putting_another_before_it() {
        let (old, new) = (Keys::generate(), Keys::generate());
        at("shop", "A", |place| {
            let sealed = keys(&[&old]).seal(place, &Secret::new("x"));
            let both = keys(&[&new, &old]);
            assert!(!both.is_newest(&sealed));
            let opened = both.open(place, &sealed).unwrap();
            let again = both.seal(place, &opened);
            assert!(both.is_newest(&again));
            assert_eq!(keys(&[&new]).open(place, &again).unwrap().expose(), "x");
            let lost = keys(&[&new]).open(place, &sealed).unwrap_err();
            assert!(matches!(lost, OpenError::KeyUnknown(_)), "{lost}");
        });
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_key_does_not_show_itself() {
        let parse = |text: &str| Keys::parse(&Secret::new(text));
        assert_eq!(parse(" \n").unwrap_err(), KeyError::Absent);
        let key = Keys::generate();
        let two = format!("{} hunter2", key.expose());
        assert_eq!(parse(&two).unwrap_err(), KeyError::NotAKey(2));
        assert_eq!(parse(&"0".repeat(63)).unwrap_err(), KeyError::NotAKey(1));
        assert!(!format!("{:?}", keys(&[&key])).contains(key.expose()));
    }

    proptest! {
        #[test]
        fn no_changed_byte_is_taken(at_byte in 0_usize..200, by in 1_u8..=255, text in ".{0,40}") {
            let keys = keys(&[&Keys::generate()]);
            at("shop", "A", |place| {
                let mut sealed = keys.seal(place, &Secret::new(text.as_str())).into_bytes();
                let index = at_byte % sealed.len();
                sealed[index] = sealed[index].wrapping_add(by);
                let Ok(changed) = String::from_utf8(sealed) else { return };
                assert!(keys.open(place, &changed).is_err(), "{changed}");
            });
        }
    }
}
