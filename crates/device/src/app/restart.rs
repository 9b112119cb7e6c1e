//! Restarts of the device that somebody asked for.

use core::future::poll_fn;
use core::task::Poll;

use embassy_time::{Duration, Timer};

use crate::app::App;
use crate::limits::RESTART_DELAY_MS;

impl App<'_> {
    /// Asks for a restart of the device: all clients' connections are closed, and
    /// [`restart_requested`](Self::restart_requested) returns.
    pub fn restart(&self) {
        self.state().restart();
    }

    /// Waits until a restart was asked for, and then for [`RESTART_DELAY_MS`], in which replies are sent and
    /// connections closed. The caller then restarts the device: a chip by a reset, a simulated device by a new [`App`].
    /// Only one task may wait.
    pub async fn restart_requested(&self) {
        poll_fn(|cx| {
            let state = &mut *self.state();
            if state.is_restart_requested {
                return Poll::Ready(());
            }
            state.restart_waker.register(cx.waker());
            Poll::Pending
        })
        .await;
        Timer::after(Duration::from_millis(RESTART_DELAY_MS)).await;
    }
}
