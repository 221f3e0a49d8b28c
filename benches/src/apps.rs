//! Many apps out of one guest: each app has the guest's one function, and as many modules are
//! distinct as asked for. Modules are made distinct by a custom section, so that their digests
//! differ and their code does not.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use steading_protocol::desired::DesiredApp;
use steading_protocol::{Digest, Limits};

use crate::Guest;

/// An app version to place on a worker, with its module.
#[derive(Clone)]
pub struct App {
    /// What the worker is told.
    pub desired: DesiredApp,
    /// The module that it fetches.
    pub wasm: Bytes,
}

/// How to make apps.
pub struct Apps<'g> {
    /// The names are this with a number behind it.
    pub prefix: &'static str,
    /// What they run.
    pub guest: &'g Guest,
    /// How many.
    pub count: usize,
    /// How many distinct modules they have between them.
    pub modules: usize,
    /// What one invocation may use.
    pub limits: Limits,
}

impl<'g> Apps<'g> {
    /// `count` apps that each have a module of their own, and the default limits.
    pub fn distinct(guest: &'g Guest, count: usize) -> Self {
        Self { prefix: "app", guest, count, modules: count, limits: Limits::default() }
    }

    /// Makes them.
    pub fn make(&self) -> anyhow::Result<Vec<App>> {
        let modules: Vec<_> = (0..self.modules).map(|number| self.module(number)).collect();
        (0..self.count)
            .map(|number| {
                let (digest, wasm) = &modules[number % self.modules];
                Ok(App { desired: self.app(number, digest, wasm.len())?, wasm: wasm.clone() })
            })
            .collect()
    }

    fn module(&self, number: usize) -> (Digest, Bytes) {
        let wasm = variant(&self.guest.wasm, &format!("{}{number}", self.prefix));
        (Digest::from_bytes(Sha256::digest(&wasm).into()), wasm.into())
    }

    fn app(&self, number: usize, digest: &Digest, bytes: usize) -> anyhow::Result<DesiredApp> {
        let record = &self.guest.record;
        // as JSON, so that what the protocol gains with a default needs no mention here
        Ok(serde_json::from_value(serde_json::json!({
            "app": format!("{}{number}", self.prefix),
            "version": 1,
            "hosts": [],
            "modules": [{"digest": digest, "size_bytes": bytes}],
            "functions": [{
                "name": record.name,
                "module": digest,
                "export": record.export,
                "trigger": record.trigger,
                "limits": self.limits,
            }],
        }))?)
    }
}

impl App {
    /// The path at which its function answers on any worker; the route must be without parameters.
    pub fn path(&self) -> String {
        let steading_protocol::Trigger::Http(http) = &self.desired.functions[0].trigger;
        format!("/functions/{}/api/{}", self.desired.app, http.route)
    }
}

/// The module with a custom section that says `mark`: another digest, the same code.
pub fn variant(wasm: &[u8], mark: &str) -> Vec<u8> {
    with_section(wasm, mark.as_bytes())
}

/// As [`variant`], made `bytes` long: the code of the guest, and the rest what nobody reads.
pub fn padded_variant(wasm: &[u8], mark: &str, bytes: usize) -> Vec<u8> {
    let mut padding = vec![b' '; bytes.saturating_sub(wasm.len() + 32)];
    padding.extend(mark.as_bytes());
    with_section(wasm, &padding)
}

fn with_section(wasm: &[u8], content: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"steading-bench";
    let mut marked = wasm.to_vec();
    marked.push(0);
    push_length(&mut marked, 1 + NAME.len() + content.len());
    marked.push(NAME.len() as u8);
    marked.extend(NAME);
    marked.extend(content);
    marked
}

/// A length as wasm writes it: seven bits to a byte, the lowest first.
fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}
