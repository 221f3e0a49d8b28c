//! What every fuzz target shares: where its corpus is, how long it runs, and how a corpus entry is
//! mutated. bolero makes the random script; what the script does to a seed is told here, so that most
//! inputs are nearly right, which is where parsers have their holes.
//!
//! A target replays its whole corpus first, always. Invariant: a target's time is bounded.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The variable that says for how many seconds each target makes inputs; 1 when it is absent.
pub const SECONDS: &str = "STEADING_FUZZ_SECONDS";

/// How long each target makes inputs of its own.
///
/// # Panics
/// When the variable is set and not a number of seconds.
pub fn time() -> Duration {
    let seconds = std::env::var(SECONDS).map_or(1, |text| {
        text.parse().unwrap_or_else(|_| panic!("{SECONDS} is `{text}`, not a number of seconds"))
    });
    Duration::from_secs(seconds)
}

/// The body of a target of one corpus and one check: replays the corpus, then mutates it for the target's time.
/// A macro, because bolero names a target by the place where it is called.
#[macro_export]
macro_rules! target {
    ($corpus:expr, $check:expr) => {{
        let (corpus, check) = ($corpus, $check);
        corpus.seeds().for_each(|(_, bytes)| check(bytes));
        bolero::check!()
            .with_type::<$crate::Script>()
            .with_iterations(usize::MAX)
            .with_test_time($crate::time())
            .for_each(|script| check(&corpus.mutate(script)));
    }};
}

/// Inputs that are known to be worth trying: the files of one folder, by name.
#[derive(Clone, Debug)]
pub struct Corpus(Vec<(PathBuf, Vec<u8>)>);

/// One change of a seed: where (modulo its length), which kind, and a byte to do it with.
pub type Edit = (u32, u8, u8);

/// A script: which seed (modulo their number) and what to do to it.
pub type Script = (u16, Vec<Edit>);

impl Corpus {
    /// Reads the corpus of a target, `tests/fuzz/corpus/<target>`. One that is not there or has nothing in
    /// it is a mistake, not an empty corpus.
    ///
    /// # Panics
    /// When the folder cannot be read or holds nothing.
    pub fn of(target: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let entries = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{} holds seeds", folder.display());
        let seed = |path: PathBuf| {
            let bytes = std::fs::read(&path).expect("a seed can be read");
            (path, bytes)
        };
        Self(paths.into_iter().map(seed).collect())
    }

    /// The same corpus with every seed passed through `change`, such as a text format's parser.
    #[must_use]
    pub fn map(self, change: impl Fn(&Path, Vec<u8>) -> Vec<u8>) -> Self {
        let seeds = self.0.into_iter().map(|(path, bytes)| {
            let bytes = change(&path, bytes);
            (path, bytes)
        });
        Self(seeds.collect())
    }

    /// Every seed as it is, with its path.
    pub fn seeds(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path.as_path(), bytes.as_slice()))
    }

    /// The input that a script makes. An empty script gives a seed as it is.
    pub fn mutate(&self, (seed, edits): &Script) -> Vec<u8> {
        let mut bytes = self.0[usize::from(*seed) % self.0.len()].1.clone();
        for edit in edits {
            self.edit(&mut bytes, *edit);
        }
        bytes
    }

    fn edit(&self, bytes: &mut Vec<u8>, (at, kind, with): Edit) {
        let at = at as usize % (bytes.len() + 1);
        let end = (at + usize::from(with)).min(bytes.len());
        match kind % 8 {
            0 => bytes.insert(at, with),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.truncate(at),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => {
                let other = &self.0[usize::from(with) % self.0.len()].1;
                let tail = &other[at.min(other.len())..];
                bytes.truncate(at);
                bytes.extend_from_slice(tail);
            }
            5 => overwrite(bytes, at, &LENGTHS[usize::from(with) % LENGTHS.len()].to_le_bytes()),
            6 => bytes[at..].iter_mut().take(1).for_each(|byte| *byte ^= with),
            _ => overwrite(bytes, at, &[with]),
        }
    }
}

/// Numbers at which lengths and counts go wrong.
const LENGTHS: [u32; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX];

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes[at..].iter_mut().zip(with).for_each(|(byte, new)| *byte = *new);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_script_panics_and_an_empty_one_keeps_the_seed() {
        let seeds = ["", "a", "a longer seed"];
        let corpus = Corpus(seeds.map(|s| (PathBuf::from(s), s.as_bytes().to_vec())).into());
        assert_eq!(corpus.mutate(&(2, vec![])), b"a longer seed");
        for seed in 0..3 {
            for kind in 0..8 {
                for at in [0, 1, 5, 13, u32::MAX] {
                    for with in [0, 1, 7, 255] {
                        corpus.mutate(&(seed, vec![(at, kind, with), (with.into(), kind, 3)]));
                    }
                }
            }
        }
    }
}
