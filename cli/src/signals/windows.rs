//! The events of a console: Ctrl-C and Ctrl-Break, the console being closed, the user logging off, and
//! the stop of a container or of the machine.
//!
//! After the last three Windows ends the process as soon as the handler of the event returns. tokio's never
//! does, so a role drains until it is done or the time is over that Windows gives: by default 5 s, which
//! docs/windows.md says how to lengthen. When a role is done the process ends, blocked handler or not.
//!
//! A service of the system sees users come and go: that one of them logs off is none of its business.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close,
    ctrl_logoff, ctrl_shutdown,
};
use windows_sys::Win32::System::Console::{CTRL_LOGOFF_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::core::BOOL;

pub(super) struct Signals {
    c: CtrlC,
    break_: CtrlBreak,
    close: CtrlClose,
    logoff: CtrlLogoff,
    shutdown: CtrlShutdown,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        let signals = Self {
            c: ctrl_c()?,
            break_: ctrl_break()?,
            close: ctrl_close()?,
            logoff: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
        };
        if is_in_session_of_services() {
            // after tokio's own, because the last handler is asked first
            ignore_logoff()?;
        }
        Ok(signals)
    }

    /// Waits for the next one and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.c.recv() => "Ctrl-C",
            _ = self.break_.recv() => "Ctrl-Break",
            _ = self.close.recv() => "close",
            _ = self.logoff.recv() => "logoff",
            _ = self.shutdown.recv() => "shutdown",
        }
    }
}

/// Whether this process runs where no user is: in session 0, which is that of services.
fn is_in_session_of_services() -> bool {
    let mut session = u32::MAX;
    // SAFETY: the function writes a number into `session`, which lives until it returns.
    #[allow(unsafe_code)]
    let known = unsafe { ProcessIdToSessionId(std::process::id(), &raw mut session) };
    known != 0 && session == 0
}

fn ignore_logoff() -> io::Result<()> {
    // SAFETY: the handler lives as long as the program, touches nothing, and cannot panic.
    #[allow(unsafe_code)]
    let set = unsafe { SetConsoleCtrlHandler(Some(is_logoff), 1) };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Takes the event for dealt with when somebody logs off.
///
/// A handler is called from a thread that Windows makes for it.
#[allow(unsafe_code)]
unsafe extern "system" fn is_logoff(event: u32) -> BOOL {
    BOOL::from(event == CTRL_LOGOFF_EVENT)
}
