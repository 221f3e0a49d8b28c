//! Whoever keeps this process alive and wants to hear how it does: systemd, over the socket that it names in
//! `NOTIFY_SOCKET`, or the service control manager of Windows. Started by hand there is nobody to tell.
//!
//! A role is told as ready when its ports answer, not when it has work: a worker whose manager is away would
//! else be taken for one that does not start. What is `/ready` in that sense is for those who send requests.

use tokio_util::sync::CancellationToken;

/// The role answers: `line` says where. Hears of the stop by the token.
pub(crate) fn ready(line: &impl std::fmt::Display, stop: &CancellationToken) {
    #[cfg(target_os = "linux")]
    systemd::ready(&line.to_string(), stop.clone());
    #[cfg(windows)]
    crate::service::ready(&line.to_string());
    #[cfg(not(target_os = "linux"))]
    let _ = stop;
}

#[cfg(target_os = "linux")]
mod systemd {
    use sd_notify::NotifyState;
    use tokio_util::sync::CancellationToken;

    pub(super) fn ready(line: &str, stop: CancellationToken) {
        tell(&[NotifyState::Ready, NotifyState::Status(line)]);
        if let Some(patience) = sd_notify::watchdog_enabled() {
            tokio::spawn(async move {
                // twice as often as must be, on the runtime that serves: if that stands still, so does this
                let mut every = tokio::time::interval(patience / 2);
                loop {
                    every.tick().await;
                    tell(&[NotifyState::Watchdog]);
                }
            });
        }
        tokio::spawn(async move {
            stop.cancelled().await;
            tell(&[NotifyState::Stopping, NotifyState::Status("waiting for what is in flight")]);
        });
    }

    fn tell(state: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(state) {
            tracing::warn!(%error, "systemd could not be told");
        }
    }
}
