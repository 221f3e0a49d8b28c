//! Looks at the machine, a folder, a port, the manager. Judges nothing, and leaves everything as it was.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use url::Url;

use super::judge::memory::AddressSpace;
use super::judge::network::Port;
use super::judge::place::{Folder, mount_options};
use super::judge::system::{OpenFiles, System};
use crate::commands::health;
use crate::probe::{self, Answer};

/// The extensions that the judgement asks for, as far as this processor has them.
#[cfg(target_arch = "x86_64")]
pub(super) fn processor() -> Vec<&'static str> {
    let seen = [
        ("sse4.1", std::is_x86_feature_detected!("sse4.1")),
        ("popcnt", std::is_x86_feature_detected!("popcnt")),
        ("avx", std::is_x86_feature_detected!("avx")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
    ];
    seen.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn processor() -> Vec<&'static str> {
    vec![]
}

/// The system's kind, its name, and the version of its kernel.
pub(super) fn system() -> (System, String, String) {
    let system = match std::env::consts::OS {
        "linux" => System::Linux,
        "windows" => System::Windows,
        _ => System::Other,
    };
    let unknown = |_| "unknown".to_owned();
    let name = sysinfo::System::long_os_version().unwrap_or_else(unknown);
    (system, name, sysinfo::System::kernel_version().unwrap_or_else(unknown))
}

pub(super) fn swap_bytes() -> u64 {
    let Ok(mut system) = sysinfo::System::new() else { return 0 };
    system.refresh_memory();
    system.total_swap()
}

#[cfg(unix)]
pub(super) fn open_files() -> Option<OpenFiles> {
    let (soft, hard) = rlimit::Resource::NOFILE.get().ok()?;
    Some(OpenFiles { soft, hard })
}

#[cfg(not(unix))]
pub(super) fn open_files() -> Option<OpenFiles> {
    None
}

pub(super) fn address_space() -> AddressSpace {
    #[cfg(unix)]
    let limit = rlimit::Resource::AS.get().ok().map(|(soft, _)| soft);
    #[cfg(not(unix))]
    let limit: Option<u64> = None;
    let strict = std::fs::read_to_string("/proc/sys/vm/overcommit_memory");
    AddressSpace {
        limit: limit.filter(|bytes| *bytes != u64::MAX),
        strict: strict.is_ok_and(|mode| mode.trim() == "2"),
    }
}

/// The folder, or for what is not yet there the one that it would be made in.
pub(super) fn folder(path: &Path) -> Folder<'_> {
    let there = nearest(path);
    let refused = try_to_write(&there).err();
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let whole = there.canonicalize().unwrap_or_else(|_| there.clone());
    #[cfg(unix)]
    let mode = std::fs::metadata(path)
        .ok()
        .map(|metadata| std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()));
    #[cfg(not(unix))]
    let mode = None;
    Folder {
        path,
        refused,
        free_bytes: fs4::available_space(&there).ok(),
        options: mount_options(&mountinfo, &whole),
        mode,
    }
}

fn nearest(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = whole.ancestors().find(|folder| folder.is_dir());
    there.unwrap_or(Path::new(".")).to_owned()
}

fn try_to_write(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!(".steading-doctor-{}", std::process::id()));
    let written = std::fs::write(&file, b"can this be written?");
    std::fs::remove_file(&file).ok();
    written
}

/// Opens a port and closes it again. A taken one is asked at `control` whether a role of ours has it.
pub(super) async fn port(address: SocketAddr, control: SocketAddr) -> Port {
    let error = match TcpListener::bind(address) {
        Ok(_) => return Port::Free,
        Err(error) => error,
    };
    if error.kind() == io::ErrorKind::AddrInUse
        && let Ok(client) = probe::client()
        && let Answer::Told(told) = probe::ask(&client, &health::at(control), "/live").await
        && told.status == 200
        && told.text == "live"
    {
        return Port::Ours;
    }
    Port::Refused(error)
}

/// Asks the manager, and how far its clock is ahead of this machine's, or behind.
pub(super) async fn manager(at: &Url) -> (Answer, Option<Skew>) {
    let client = match probe::client() {
        Ok(client) => client,
        Err(error) => return (Answer::Silent(format!("{error:#}")), None),
    };
    let before = SystemTime::now();
    let answer = probe::ask(&client, at, "/ready").await;
    let after = SystemTime::now();
    let Answer::Told(told) = &answer else { return (answer, None) };
    let date = told.date.as_deref().and_then(|date| httpdate::parse_http_date(date).ok());
    let skew = Skew::of(date, before, after);
    (answer, Some(skew))
}

/// How far one clock is from another; both are absent where it is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Skew {
    pub(super) ahead: Option<Duration>,
    pub(super) behind: Option<Duration>,
}

impl Skew {
    /// The answer was made at some time between `before` and `after`, and `date` is cut to a second.
    fn of(date: Option<SystemTime>, before: SystemTime, after: SystemTime) -> Self {
        let Some(date) = date else { return Self::default() };
        match date.duration_since(after) {
            Ok(ahead) => Self { ahead: Some(ahead), behind: None },
            Err(_) => {
                let behind = before.duration_since(date).unwrap_or_default();
                Self { ahead: None, behind: Some(behind) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_is_what_the_way_of_the_answer_does_not_explain() {
        let at = |s| SystemTime::UNIX_EPOCH + Duration::from_secs(s);
        let skew = |date| Skew::of(Some(at(date)), at(1000), at(1002));
        assert_eq!(skew(1001).behind, Some(Duration::ZERO));
        assert_eq!(skew(900).behind, Some(Duration::from_secs(100)));
        assert_eq!(skew(1102).ahead, Some(Duration::from_secs(100)));
        assert_eq!(Skew::of(None, at(1), at(2)), Skew::default());
    }

    #[test]
    fn a_folder_is_looked_at_without_leaving_anything() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("a/b");
        let seen = super::folder(&absent);
        assert!(seen.refused.is_none() && seen.free_bytes.is_some(), "{seen:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_port_is_free_or_not_and_is_left_free() {
        let busy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = busy.local_addr().unwrap();
        assert!(matches!(port(address, address).await, Port::Refused(_)));
        drop(busy);
        assert!(matches!(port(address, address).await, Port::Free));
        assert!(matches!(port(address, address).await, Port::Free));
    }
}
