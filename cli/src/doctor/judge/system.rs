//! Judges processor, kernel, swap and the number of files that may be open.

use super::amount;
use crate::doctor::Finding;

/// A system, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum System {
    Linux,
    Windows,
    Other,
}

/// How many files a process may have open: as it is started, and as much as it may give itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct OpenFiles {
    pub(in crate::doctor) soft: u64,
    pub(in crate::doctor) hard: u64,
}

/// The oldest Linux that distributions still look after (RHEL 8); below it nothing is known.
const LINUX_KNOWN: (u32, u32) = (4, 18);
/// The oldest Linux that Rust's standard library takes.
const LINUX_LEAST: (u32, u32) = (3, 2);
/// Windows 10 and Server 2016, the oldest that Rust's standard library takes, by build.
const WINDOWS_LEAST: u32 = 10_240;

/// The instructions that code for functions is made of, in the order of their weight.
const WANTED: [&str; 4] = ["sse4.1", "popcnt", "avx", "avx2"];

/// `has` are the extensions that an x86-64 processor has.
pub(in crate::doctor) fn processor(arch: &str, has: &[&str]) -> Finding {
    const CHECK: &str = "processor";
    match arch {
        "x86_64" => {}
        "aarch64" => return Finding::ok(CHECK, "AArch64"),
        other => {
            let advice = "run workers on x86-64 or AArch64; managers and gateways run anywhere";
            return Finding::fail(CHECK, format!("{other}, for which no code is made"), advice);
        }
    }
    let lacks: Vec<&str> = WANTED.into_iter().filter(|wanted| !has.contains(wanted)).collect();
    if lacks.is_empty() {
        return Finding::ok(CHECK, "x86-64 with AVX2");
    }
    let found = format!("x86-64 without {}", lacks.join(", "));
    let advice = "functions run, those that count with floats or vectors slower; a virtual machine may hide \
                  what its host has: give it the host's processor model";
    Finding::warn(CHECK, found, advice)
}

pub(in crate::doctor) fn kernel(system: System, name: &str, version: &str) -> Finding {
    const CHECK: &str = "system";
    let found = format!("{name} ({version})");
    let upgrade = "run a newer release of the system";
    let numbers = numbers(version);
    match (system, numbers[..].first(), numbers.get(1)) {
        (System::Linux, Some(&major), Some(&minor)) => match (major, minor) {
            kernel if kernel < LINUX_LEAST => {
                Finding::fail(CHECK, format!("{found}: too old for this program"), upgrade)
            }
            kernel if kernel < LINUX_KNOWN => {
                Finding::warn(CHECK, format!("{found}: older than any that was tried"), upgrade)
            }
            _ => Finding::ok(CHECK, found),
        },
        (System::Windows, ..) if numbers.last().is_some_and(|build| *build < WINDOWS_LEAST) => {
            Finding::fail(CHECK, format!("{found}: too old for this program"), upgrade)
        }
        (System::Windows, ..) => Finding::ok(CHECK, found),
        _ => Finding::warn(CHECK, found, "Linux is tested; this is not"),
    }
}

/// The numbers of a version: `6.1.0-9` is 6, 1, 0, 9.
fn numbers(version: &str) -> Vec<u32> {
    let parts = version.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

pub(in crate::doctor) fn swap(system: System, bytes: u64) -> Finding {
    const CHECK: &str = "swap";
    match (system, bytes) {
        (System::Windows, bytes) => {
            let found =
                format!("a page file of {}: memory is promised before it is used", amount(bytes));
            Finding::ok(CHECK, found)
        }
        (_, 0) => Finding::ok(CHECK, "none"),
        (_, bytes) => Finding::warn(
            CHECK,
            format!("{}; calls wait for the disk when an instance was swapped out", amount(bytes)),
            "keep the worker out of it: MemorySwapMax=0 in its unit (`steading service` writes that), the same \
             limits for memory and for memory with swap in a container, or swapoff. Every `memory_reset` is \
             right with swap",
        ),
    }
}

pub(in crate::doctor) fn open_files(limit: Option<OpenFiles>, wanted: u64) -> Finding {
    const CHECK: &str = "open files";
    match limit {
        None => Finding::ok(CHECK, "not limited"),
        Some(OpenFiles { soft, .. }) if soft >= wanted => {
            Finding::ok(CHECK, format!("{soft} may be open, {wanted} are needed at most"))
        }
        Some(OpenFiles { soft, hard }) => {
            let how = match hard >= wanted {
                true => {
                    format!("`ulimit -n {wanted}` before it, or LimitNOFILE={wanted} in its unit")
                }
                false => {
                    format!("LimitNOFILE={wanted} in its unit, or the container's nofile limit")
                }
            };
            let found = format!(
                "{soft} may be open; with all connections that the configuration allows {wanted} are needed"
            );
            Finding::warn(CHECK, found, format!("{how}; or lower server.connections_max"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn an_unsupported_processor_is_refused_and_a_poor_one_is_named() {
        assert_eq!(processor("riscv64", &[]).verdict, Verdict::Fail);
        assert_eq!(processor("aarch64", &[]).verdict, Verdict::Ok);
        assert_eq!(processor("x86_64", &WANTED).verdict, Verdict::Ok);
        let poor = processor("x86_64", &["sse4.1", "popcnt"]);
        assert_eq!(poor.verdict, Verdict::Warn);
        assert_eq!(poor.found, "x86-64 without avx, avx2");
    }

    #[test]
    fn a_kernel_is_judged_by_its_first_numbers() {
        let verdict = |version| kernel(System::Linux, "Linux", version).verdict;
        assert_eq!(verdict("6.18.44-fc"), Verdict::Ok);
        assert_eq!(verdict("4.18.0"), Verdict::Ok);
        assert_eq!(verdict("4.4.302"), Verdict::Warn);
        assert_eq!(verdict("2.6.32"), Verdict::Fail);
        let windows = |version| kernel(System::Windows, "Windows", version).verdict;
        assert_eq!(windows("20348"), Verdict::Ok);
        assert_eq!(windows("9600"), Verdict::Fail);
        assert_eq!(kernel(System::Other, "Darwin", "23.1").verdict, Verdict::Warn);
    }

    #[test]
    fn swap_is_a_warning_where_memory_is_not_promised() {
        assert_eq!(swap(System::Linux, 0).verdict, Verdict::Ok);
        let some = swap(System::Linux, 2 << 30);
        assert_eq!(some.verdict, Verdict::Warn);
        assert!(some.found.starts_with("2048 MiB"), "{some:?}");
        assert_eq!(swap(System::Windows, 2 << 30).verdict, Verdict::Ok);
    }

    #[test]
    fn too_few_open_files_say_how_there_are_more() {
        let judged = |soft, hard| open_files(Some(OpenFiles { soft, hard }), 11_024);
        assert_eq!(judged(11_024, 11_024).verdict, Verdict::Ok);
        assert!(judged(1024, 1 << 20).advice.unwrap().starts_with("`ulimit -n 11024`"));
        assert!(judged(1024, 4096).advice.unwrap().starts_with("LimitNOFILE=11024"));
        assert_eq!(open_files(None, 11_024).verdict, Verdict::Ok);
    }
}
