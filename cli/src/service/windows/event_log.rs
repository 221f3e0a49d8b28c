//! The event log of Windows as the place where a service's records go.
//!
//! The texts of events come from `EventCreate.exe`, which every Windows has and whose only text is "what was
//! given": a message file of our own would have to be installed and kept beside the program. Crates that
//! write there bring such a file and another logging interface; what is needed is two calls.

use std::io;
use std::ptr;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use windows_registry::LOCAL_MACHINE;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::EventLog::{
    EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE, REPORT_EVENT_TYPE,
    RegisterEventSourceW, ReportEventW,
};

/// `EventCreate.exe` knows the numbers 1 to 1000; there is one kind of event.
const EVENT: u32 = 1;

/// Longer texts are not taken: the limit of Windows is 31,839 characters.
const CHARS_MAX: usize = 30_000;

const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";

/// The source of one service's events; open until the process ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventLog(Handle);

#[derive(Clone, Copy, Debug)]
struct Handle(HANDLE);

// SAFETY: the handle stands for a connection that Windows lets any thread use; it is never closed.
#[allow(unsafe_code)]
unsafe impl Send for Handle {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Handle {}

/// Writes one event.
#[derive(Debug)]
pub(crate) struct Event {
    log: EventLog,
    kind: REPORT_EVENT_TYPE,
}

/// Says where the texts of a source's events are.
pub(super) fn register(source: &str) -> windows_registry::Result<()> {
    let key = LOCAL_MACHINE.create(format!(r"{SOURCES}\{source}"))?;
    key.set_expand_string("EventMessageFile", r"%SystemRoot%\System32\EventCreate.exe")?;
    key.set_u32("TypesSupported", 7)
}

/// Takes the source away again; its events stay.
pub(super) fn forget(source: &str) {
    if let Ok(sources) = LOCAL_MACHINE.open(SOURCES) {
        sources.remove_tree(source).ok();
    }
}

impl EventLog {
    pub(crate) fn open(source: &str) -> io::Result<Self> {
        let name = wide(source);
        // SAFETY: the name ends with a zero and lives through the call; no server means this machine.
        #[allow(unsafe_code)]
        let handle = unsafe { RegisterEventSourceW(ptr::null(), name.as_ptr()) };
        if handle.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(Handle(handle))) }
    }

    /// Something that people should find there whatever is logged.
    pub(crate) fn say(self, level: Level, text: &str) {
        // the log is full or gone: there is nobody else to tell
        self.write(kind(level), text).ok();
    }

    fn write(self, kind: REPORT_EVENT_TYPE, text: &str) -> io::Result<()> {
        let text = wide(&text.chars().take(CHARS_MAX).collect::<String>());
        let texts = [text.as_ptr()];
        // SAFETY: the source is open; there is one text, which ends with a zero and lives through the
        // call; no user and no data are given, and their sizes are zero.
        #[allow(unsafe_code)]
        let written = unsafe {
            let (user, data) = (ptr::null_mut(), ptr::null());
            ReportEventW(self.0.0, kind, 0, EVENT, user, 1, 0, texts.as_ptr(), data)
        };
        if written == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

fn kind(level: Level) -> REPORT_EVENT_TYPE {
    match level {
        Level::ERROR => EVENTLOG_ERROR_TYPE,
        Level::WARN => EVENTLOG_WARNING_TYPE,
        _ => EVENTLOG_INFORMATION_TYPE,
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}

impl<'a> MakeWriter<'a> for EventLog {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event { log: *self, kind: EVENTLOG_INFORMATION_TYPE }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Event {
        Event { log: *self, kind: kind(*meta.level()) }
    }
}

/// A record is written whole, with one call.
impl io::Write for Event {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.log.write(self.kind, String::from_utf8_lossy(record).trim_end())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
