//! The task that owns the flash of an update: it does what FIRMWARE asks for, and ends a trial that nobody confirms.

use core::future::pending;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Ticker};
use embedded_storage_async::nor_flash::NorFlash;
use sockeye_firmware_update::limits::CHUNK_LEN_MAX;
use sockeye_firmware_update::{UpdateError, Updater};
use sockeye_wifi::ApState;

use crate::app::App;
use crate::command::Environment;
use crate::firmware::{Firmware, Job, Outcome};
use crate::limits::TRIAL_LOOK_MS;
use crate::sessions::session::Cursor;
use crate::settings::flash_store::FlashStore;
use crate::state::State;

impl<'a> App<'a> {
    /// The same device, whose firmware can be updated; None if it has no slots.
    pub fn with_firmware(self, firmware: Option<&'a Firmware>) -> Self {
        Self { environment: Environment { firmware, ..self.environment }, ..self }
    }

    /// Does what FIRMWARE asks for, with the updater that has [booted](Updater::boot), and asks for a restart when a
    /// trial's time is over. A confirmation makes `store` [writable](FlashStore::set_writable) before the client gets its
    /// reply; None on a device that stores no settings. Must run beside the connections, once. Other tasks run between any
    /// two operations on flash.
    pub async fn update<F: NorFlash, S: NorFlash>(&self, updater: &mut Updater<F>, store: Option<&FlashStore<S>>) -> ! {
        let Some(firmware) = self.environment.firmware else {
            loop {
                pending::<()>().await;
            }
        };
        let mut look = Ticker::every(Duration::from_millis(TRIAL_LOOK_MS));
        let mut data = [0; CHUNK_LEN_MAX];
        loop {
            match select(firmware.given(), look.next()).await {
                Either::First(()) => {
                    let Some(job) = firmware.take_job(&mut data) else { continue };
                    let outcome = work(updater, job, &data, self.platform.now().uptime_ms()).await;
                    if let (Job::Confirm, Ok(_), Some(store)) = (job, outcome, store) {
                        store.set_writable().await;
                    }
                    firmware.done(job, outcome, updater.status(), self.platform.now().uptime_ms());
                    let mut state = self.state();
                    // One job at a time, so there is one session at most. The outcome is the session's, as another may give
                    // the next job before this one has replied.
                    let waiting = state.sessions.iter_mut().filter(|s| matches!(s.cursor, Cursor::Firmware(None)));
                    waiting.for_each(|session| {
                        session.cursor = Cursor::Firmware(Some(outcome));
                        session.notify();
                    });
                    if outcome == Ok(Outcome::Restart) {
                        // Also if the client that asked has gone.
                        state.request_restart();
                    }
                }
                Either::Second(()) => {
                    let is_reachable = is_reachable(&self.state());
                    if firmware.is_trial_over(self.platform.now().uptime_ms(), is_reachable) {
                        // Again at each look until it has restarted, which refuses whoever comes meanwhile.
                        self.restart();
                    }
                }
            }
        }
    }
}

async fn work<F: NorFlash>(
    updater: &mut Updater<F>,
    job: Job,
    data: &[u8],
    now_ms: u64,
) -> Result<Outcome, UpdateError> {
    match job {
        Job::Begin { record, is_anew, .. } => updater.begin(record, is_anew, now_ms).await.map(Outcome::Next),
        Job::Write { offset, len } => {
            let data = data.get(..len.into()).ok_or(UpdateError::Data)?;
            updater.write(offset, data).await.map(Outcome::Next)
        }
        Job::Try { confirm_s } => updater.try_image(confirm_s, now_ms).await.map(|()| Outcome::Restart),
        Job::Confirm => updater.confirm().await.map(|()| Outcome::Done),
        Job::Abort => updater.abort().await.map(|is_trial| if is_trial { Outcome::Restart } else { Outcome::Done }),
    }
}

/// Whether a client can reach the device: over its access point, in the network that it has joined, or because it needs
/// no radio.
fn is_reachable(state: &State) -> bool {
    let wifi = &state.wifi;
    !wifi.has_radio || wifi.address.is_some() || wifi.ap.state == ApState::On
}
