//! Relative paths and names as every platform would judge them: what Linux takes for the name of one file
//! may on Windows be a device, a stream of another file, or the same file under a second name.
//!
//! Pure: no disk is asked, so a path is judged alike wherever it is read. Letters that Unicode writes in two
//! ways, composed and decomposed, count as different, as they do on NTFS and on Linux's file systems.
//! Invariant: a [`PortablePath`] names a place below the folder that it is read in, on every platform.

use serde::{Deserialize, Serialize};

/// A path below a folder, with `/` between its parts, that means the same on every platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortablePath(String);

/// A path that some platform would read in another way than it looks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a relative path that every platform understands: {fault}")]
pub struct InvalidPath {
    path: String,
    fault: PathFault,
}

/// What is wrong with a path or with one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Nothing between two slashes, before the first, or after the last: `/etc`, `//server/share`, `a//b`.
    #[error("a part of it is empty, or it begins or ends with `/`")]
    Empty,
    /// `.` or `..`, which lead elsewhere.
    #[error("`.` and `..` lead elsewhere")]
    Dots,
    /// A backslash, which separates on Windows and begins `\\?\` and `\\server\share`.
    #[error("`\\` separates on Windows and not elsewhere")]
    Backslash,
    /// A colon: a drive (`C:`) or a stream of another file (`a.txt:hidden`).
    #[error("on Windows `:` means a drive or a stream of another file")]
    Colon,
    /// A character that Windows has for itself, or a control character.
    #[error("it has a control character or one of `<>\"|?*`, which Windows allows in no name")]
    Character,
    /// A dot or a blank at the end of a part, which Windows leaves off.
    #[error("Windows leaves off a dot or a blank at the end of a name")]
    End,
    /// The name of a device of Windows, with or without an extension: `NUL`, `con.txt`, `COM1`.
    #[error("on Windows it names a device")]
    Device,
    /// A name of the kind that Windows makes up as a second one for a file with a long name: `SECRET~1.TXT`.
    #[error("on Windows a name with `~` and a number may be a second name of another file")]
    Short,
    /// A part or the whole is longer than some platform takes.
    #[error("a part has at most {} bytes and the whole {}", PART_LENGTH_MAX, PATH_LENGTH_MAX)]
    Long,
}

/// The longest part, bytes of UTF-8: Linux's limit. Windows' is 255 units of UTF-16, of which a text never
/// has more than bytes.
const PART_LENGTH_MAX: usize = 255;

/// The longest path, bytes: what stays below Linux's 4,096 with any reasonable folder in front.
const PATH_LENGTH_MAX: usize = 1024;

impl PortablePath {
    /// The path, with `/` between its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether it leads to something below a folder, and not to the folder itself.
    pub fn is_within(&self, folder: &Self) -> bool {
        self.0.strip_prefix(&folder.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The same text for all paths that a file system without regard to case takes for one.
    ///
    /// One letter becomes one letter, as such file systems do it: `ß` stays, whose capital is two.
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl TryFrom<String> for PortablePath {
    type Error = InvalidPath;

    fn try_from(path: String) -> Result<Self, InvalidPath> {
        match path_fault(&path) {
            None => Ok(Self(path)),
            Some(fault) => Err(InvalidPath { path, fault }),
        }
    }
}

impl std::str::FromStr for PortablePath {
    type Err = InvalidPath;

    fn from_str(path: &str) -> Result<Self, InvalidPath> {
        Self::try_from(path.to_owned())
    }
}

impl From<PortablePath> for String {
    fn from(path: PortablePath) -> Self {
        path.0
    }
}

impl std::fmt::Display for PortablePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first thing that some platform would misread in a relative path.
fn path_fault(path: &str) -> Option<PathFault> {
    if path.len() > PATH_LENGTH_MAX {
        return Some(PathFault::Long);
    }
    path.split('/').find_map(name_fault)
}

/// The first thing that some platform would misread in the name of one file or folder.
pub(crate) fn name_fault(name: &str) -> Option<PathFault> {
    match name {
        "" => Some(PathFault::Empty),
        "." | ".." => Some(PathFault::Dots),
        _ if name.contains('\\') => Some(PathFault::Backslash),
        _ if name.contains(':') => Some(PathFault::Colon),
        _ if name.contains(is_reserved) => Some(PathFault::Character),
        _ if name.ends_with(['.', ' ']) => Some(PathFault::End),
        _ if is_device(name) => Some(PathFault::Device),
        _ if is_short(name) => Some(PathFault::Short),
        _ if name.len() > PART_LENGTH_MAX => Some(PathFault::Long),
        _ => None,
    }
}

fn is_reserved(character: char) -> bool {
    character.is_control() || "<>\"|?*".contains(character)
}

/// Whether Windows takes a name for a device: whatever its case, and whatever stands behind its first dot
/// with or without blanks before it.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let stem = stem.to_ascii_uppercase();
    if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str()) {
        return true;
    }
    // ¹, ² and ³ are digits to the code page that these names come from
    const DIGITS: &str = "123456789¹²³";
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let mut characters = number.unwrap_or_default().chars();
    characters.next().is_some_and(|digit| DIGITS.contains(digit)) && characters.next().is_none()
}

/// Whether Windows could have made up this name, in which a number stands behind `~` at the end of at most
/// eight characters, as a second one of a file with a long name.
fn is_short(name: &str) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let digits = stem.rsplit_once('~').map_or("", |(_, digits)| digits);
    let numbered = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    numbered && stem.chars().count() <= 8 && extension.chars().count() <= 3
}

fn fold(text: &str) -> String {
    let fold = |character: char| {
        let mut upper = character.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(one), None) => one,
            _ => character,
        }
    };
    text.chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(path: &str) -> Option<PathFault> {
        path.parse::<PortablePath>().err().map(|error| error.fault)
    }

    #[test]
    fn what_every_platform_reads_alike_is_taken() {
        let long = "a".repeat(255);
        for good in [
            "a",
            "steading.toml",
            "target/wasm32-wasip1/release/my app.wasm",
            ".hidden/..data/a..b",
            "größe/名前",
            "console.txt",
            "com0",
            "com10.txt",
            "nul_/xcon",
            "backup~",
            "file~1.json",
            "long-name~12",
            "a%20b;c=d@e",
            &long,
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
    }

    #[test]
    fn what_some_platform_misreads_is_refused_and_named() {
        use PathFault::{Backslash, Character, Colon, Device, Dots, Empty, End, Long, Short};
        let (part, path) = ("a".repeat(256), "a/".repeat(512) + "a");
        for (bad, why) in [
            ("", Empty),
            ("/etc/passwd", Empty),
            ("//server/share", Empty),
            ("a//b", Empty),
            ("a/", Empty),
            (".", Dots),
            ("../a", Dots),
            ("a/../b", Dots),
            ("a\\b", Backslash),
            ("\\\\?\\C:\\Windows", Backslash),
            ("\\\\server\\share", Backslash),
            ("..\\a", Backslash),
            ("C:", Colon),
            ("C:/Windows", Colon),
            ("c:a", Colon),
            ("a.txt:hidden", Colon),
            ("a/b::$DATA", Colon),
            ("what?", Character),
            ("*.wasm", Character),
            ("a<b", Character),
            ("say \"so\"", Character),
            ("a|b", Character),
            ("a\0b", Character),
            ("a\nb", Character),
            ("a.", End),
            ("a /b", End),
            ("a/...", End),
            ("NUL", Device),
            ("logs/con", Device),
            ("CON.txt", Device),
            ("nul .tar.gz", Device),
            ("aux.h", Device),
            ("Com1", Device),
            ("LPT9.log", Device),
            ("COM¹", Device),
            ("lpt³.txt", Device),
            ("conin$", Device),
            ("SECRET~1.TXT", Short),
            ("progra~1/x", Short),
            (&part, Long),
            (&path, Long),
        ] {
            assert_eq!(fault(bad), Some(why), "{bad}");
        }
        let error = "logs/con".parse::<PortablePath>().unwrap_err().to_string();
        assert!(error.contains("`logs/con`") && error.contains("device"), "{error}");
    }

    #[test]
    fn names_that_differ_in_case_alone_are_one() {
        let folded = |path: &str| path.parse::<PortablePath>().unwrap().folded();
        for (one, other) in [("A/b", "a/B"), ("Größe", "gRÖßE"), ("Ωmega", "ωMEGA")] {
            assert_eq!(folded(one), folded(other));
        }
        for (one, other) in [("a", "b"), ("a/b", "ab"), ("straße", "strasse")] {
            assert_ne!(folded(one), folded(other));
        }
    }

    #[test]
    fn what_is_within_a_folder_lies_below_it() {
        let path = |path: &str| path.parse::<PortablePath>().unwrap();
        assert!(path("a/b").is_within(&path("a")) && path("a/b/c").is_within(&path("a/b")));
        for (one, other) in [("a", "a"), ("ab", "a"), ("a", "a/b"), ("A/b", "a")] {
            assert!(!path(one).is_within(&path(other)), "{one} {other}");
        }
    }

    #[test]
    fn folding_twice_is_folding_once_for_every_letter() {
        for letter in '\0'..=char::MAX {
            let once = fold(&letter.to_string());
            assert_eq!(fold(&once), once, "{letter:?}");
        }
    }

    /// Names as people write them, with the characters that matter here coming often.
    fn name() -> impl Strategy<Value = String> {
        "[a-cN-U1-3~. :/\\\\éß¹\u{1}]{0,12}|(?i:nul|con|aux|com[0-9]|lpt¹)(\\.[a-z]{0,3})?"
    }

    /// What Windows makes of a name before it looks for the file: blanks and dots at its end are gone.
    fn as_windows_reads(part: &str) -> String {
        fold(part.trim_end_matches(['.', ' ']))
    }

    proptest! {
        #[test]
        fn what_is_taken_stays_below_its_folder(path in name()) {
            if path.parse::<PortablePath>().is_ok() {
                let read = std::path::Path::new(&path);
                let plain = |part| matches!(part, std::path::Component::Normal(_));
                prop_assert!(read.components().all(plain) && !read.has_root());
                prop_assert!(path.split('/').all(|part| !part.is_empty()));
                prop_assert!(!path.contains([':', '\\']));
            }
        }

        #[test]
        fn what_is_taken_has_one_name_on_windows(path in name()) {
            if let Ok(taken) = path.parse::<PortablePath>() {
                let read: Vec<_> = path.split('/').map(as_windows_reads).collect();
                prop_assert_eq!(read.join("/"), taken.folded());
            }
        }

        #[test]
        fn a_device_stays_one_whatever_its_case_and_extension(
            device in "(?i:nul|con|prn|aux|com[1-9¹²³]|lpt[1-9¹²³])",
            end in " {0,2}(\\.[a-z0-9]{1,5}){1,2}",
        ) {
            prop_assert_eq!(fault(&device), Some(PathFault::Device));
            prop_assert_eq!(fault(&(device + &end)), Some(PathFault::Device));
        }

        #[test]
        fn judging_never_panics(path in ".{0,300}") {
            let _ = fault(&path);
        }
    }
}
