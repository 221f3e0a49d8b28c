//! The job object that a worker on Windows puts itself into.
//!
//! A job may lie in another one, that of a container or of a service, and then the tighter cap of the two
//! holds. Invariant: the job's handle is never closed, because closing it ends this process.

#![allow(unsafe_code)]

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_CPU_RATE_CONTROL_ENABLE,
    JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP, JOB_OBJECT_LIMIT_ACTIVE_PROCESS,
    JOB_OBJECT_LIMIT_JOB_MEMORY, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_PROCESS_MEMORY, JOBOBJECT_CPU_RATE_CONTROL_INFORMATION,
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION_0, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JOBOBJECTINFOCLASS, JobObjectCpuRateControlInformation, JobObjectExtendedLimitInformation,
    QueryInformationJobObject, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

use super::{CapError, CapsConfig};

pub(super) fn put_on_this_process(caps: CapsConfig) -> Result<(), CapError> {
    let failed = |what| move |source| CapError { what, source };
    // our own job hides the one around it, so it says that one's cap as well
    let asked = caps.memory_mib.map(|mib| u64::from(mib) << 20);
    let memory_bytes = asked.into_iter().chain(memory_bytes_max()).min();
    let job = create().map_err(failed("processes"))?;
    set(job, JobObjectExtendedLimitInformation, &limits(memory_bytes)).map_err(failed("memory"))?;
    if let Some(percent) = caps.cpu_percent {
        let rate = cpu_rate(percent);
        set(job, JobObjectCpuRateControlInformation, &rate).map_err(failed("processor time"))?;
    }
    enter(job).map_err(failed("processes"))?;
    let (memory_mib, cpu_percent) = (caps.memory_mib, caps.cpu_percent);
    tracing::info!(
        processes = 1,
        memory_mib,
        cpu_percent,
        "This process is capped by a job object"
    );
    Ok(())
}

pub(super) fn memory_bytes_max() -> Option<u64> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    // SAFETY: no handle means the job of this process; the function writes at most the size it is given
    // into `limits`, a plain structure that lives until it returns.
    let known = unsafe {
        QueryInformationJobObject(
            ptr::null_mut(),
            JobObjectExtendedLimitInformation,
            (&raw mut limits).cast(),
            size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>() as u32,
            ptr::null_mut(),
        )
    };
    let set = |flag| known != 0 && limits.BasicLimitInformation.LimitFlags & flag != 0;
    let job = set(JOB_OBJECT_LIMIT_JOB_MEMORY).then_some(limits.JobMemoryLimit);
    let process = set(JOB_OBJECT_LIMIT_PROCESS_MEMORY).then_some(limits.ProcessMemoryLimit);
    job.into_iter().chain(process).min().map(|bytes| bytes as u64)
}

fn create() -> io::Result<HANDLE> {
    // SAFETY: neither attributes nor a name are given; a new job is made for this process alone.
    let job = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
    if job.is_null() { Err(io::Error::last_os_error()) } else { Ok(job) }
}

fn limits(memory_bytes: Option<u64>) -> JOBOBJECT_EXTENDED_LIMIT_INFORMATION {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    let basic = &mut limits.BasicLimitInformation;
    basic.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
    basic.ActiveProcessLimit = 1;
    if let Some(bytes) = memory_bytes {
        basic.LimitFlags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
        limits.JobMemoryLimit = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    limits
}

fn cpu_rate(percent: u32) -> JOBOBJECT_CPU_RATE_CONTROL_INFORMATION {
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION {
        ControlFlags: JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP,
        // in hundredths of a percent of all processors
        Anonymous: JOBOBJECT_CPU_RATE_CONTROL_INFORMATION_0 { CpuRate: percent * 100 },
    }
}

fn set<T>(job: HANDLE, class: JOBOBJECTINFOCLASS, value: &T) -> io::Result<()> {
    // SAFETY: the job is open, and `value` is the structure that belongs to the class, with its size.
    let set = unsafe {
        SetInformationJobObject(job, class, ptr::from_ref(value).cast(), size_of::<T>() as u32)
    };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn enter(job: HANDLE) -> io::Result<()> {
    // SAFETY: the job is open, and the handle of the current process needs no closing.
    let entered = unsafe { AssignProcessToJobObject(job, GetCurrentProcess()) };
    if entered == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
