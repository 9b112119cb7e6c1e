//! The firmware's update as commands see it: how it is, and the one job at a time that the flash's task does for them.

use core::cell::RefCell;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use sockeye_firmware_update::limits::{CHUNK_LEN_MAX, REACHABLE_MS, SENDER_SILENT_MS};
use sockeye_firmware_update::{Record, UpdateError, UpdateState, UpdateStatus};

/// A job of the flash's task.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Job {
    /// Announces an image for the session of this ID; true to begin anew.
    Begin {
        record: Record,
        is_anew: bool,
        session: u32,
    },
    /// Programs so many bytes at this offset.
    Write {
        offset: u32,
        len: u16,
    },
    /// Verifies the image, and has it booted on trial for so many seconds.
    Try {
        confirm_s: u16,
    },
    Confirm,
    Abort,
}

/// The outcome of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The offset of the bytes that come next.
    Next(u32),
    /// The device is to be restarted.
    Restart,
}

/// The client that sends an image.
#[derive(Clone, Copy)]
struct Sender {
    /// Its session's ID.
    id: u32,
    /// When it sent last, milliseconds since boot.
    at_ms: u64,
}

struct Inner {
    status: UpdateStatus,
    sender: Option<Sender>,
    job: Option<Job>,
    /// A job was given, and is not done.
    is_busy: bool,
    /// When the trial ends, milliseconds since boot; None before the device is reachable.
    trial_ends_ms: Option<u64>,
    data: [u8; CHUNK_LEN_MAX],
}

/// The update of a device with two slots, shared by its commands and the [task](crate::App::update) that owns the
/// flash. Holds the data of one FIRMWARE WRITE.
pub struct Firmware {
    inner: RefCell<Inner>,
    given: Signal<NoopRawMutex, ()>,
    /// The name of the chip that images must be for.
    pub(crate) chip: &'static str,
}

impl Firmware {
    /// The update as it was at boot, of a device with a chip of this name.
    pub const fn new(status: UpdateStatus, chip: &'static str) -> Self {
        let inner =
            Inner { status, sender: None, job: None, is_busy: false, trial_ends_ms: None, data: [0; CHUNK_LEN_MAX] };
        Self { inner: RefCell::new(inner), given: Signal::new(), chip }
    }

    pub(crate) fn status(&self) -> UpdateStatus {
        self.inner.borrow().status
    }

    /// Whether the firmware that runs is on trial.
    pub(crate) fn is_trial(&self) -> bool {
        self.status().state == UpdateState::Trial
    }

    /// Whether a restart leads back to the firmware before. False while a confirmation may be under way.
    pub(crate) fn is_left_by_restart(&self) -> bool {
        self.is_trial() && !self.inner.borrow().is_busy
    }

    /// Seconds until the trial ends, rounded up: all of them before the device is reachable.
    pub(crate) fn trial_left_s(&self, now_ms: u64) -> u64 {
        let inner = self.inner.borrow();
        let all = u64::from(inner.status.confirm_s);
        inner.trial_ends_ms.map_or(all, |end| end.saturating_sub(now_ms).div_ceil(1_000))
    }

    /// Gives a job, with the data of [`Job::Write`]. False if another is not done.
    pub(crate) fn give(&self, job: Job, data: &[u8]) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        if inner.is_busy {
            return false;
        }
        inner.data.iter_mut().zip(data).for_each(|(byte, new)| *byte = *new);
        (inner.job, inner.is_busy) = (Some(job), true);
        self.given.signal(());
        true
    }

    /// Whether a session may begin to send. Another that sends must be gone, or silent.
    pub(crate) fn may_begin(&self, id: u32, now_ms: u64, is_open: impl Fn(u32) -> bool) -> bool {
        self.inner.borrow().sender.is_none_or(|sender| {
            let is_silent = now_ms.saturating_sub(sender.at_ms) >= SENDER_SILENT_MS;
            sender.id == id || is_silent || !is_open(sender.id)
        })
    }

    /// Whether this session is the one that sends; it is noted that it still does.
    pub(crate) fn is_sender(&self, id: u32, now_ms: u64) -> bool {
        let mut inner = self.inner.borrow_mut();
        let sender = inner.sender.as_mut().filter(|sender| sender.id == id);
        sender.map(|sender| sender.at_ms = now_ms).is_some()
    }

    /// Waits until a job was given.
    pub(crate) async fn given(&self) {
        self.given.wait().await;
    }

    /// Takes the job that was given, and copies its data.
    pub(crate) fn take_job(&self, data: &mut [u8; CHUNK_LEN_MAX]) -> Option<Job> {
        let mut inner = self.inner.borrow_mut();
        let job = inner.job.take()?;
        if let Job::Write { .. } = job {
            *data = inner.data;
        }
        Some(job)
    }

    /// A job is done. Only a job that was done makes its session the one that sends.
    pub(crate) fn done(&self, job: Job, outcome: Result<Outcome, UpdateError>, status: UpdateStatus, now_ms: u64) {
        let inner = &mut *self.inner.borrow_mut();
        if let (Job::Begin { session, .. }, Ok(_)) = (job, outcome) {
            inner.sender = Some(Sender { id: session, at_ms: now_ms });
        }
        inner.status = status;
        inner.is_busy = false;
        if matches!(status.state, UpdateState::Idle | UpdateState::Restarting) {
            inner.sender = None;
        }
    }

    /// Whether the time of the trial is over. The time begins once the device `is_reachable`, or after [`REACHABLE_MS`]
    /// if the device never is.
    pub(crate) fn is_trial_over(&self, now_ms: u64, is_reachable: bool) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        if inner.status.state != UpdateState::Trial {
            return false;
        }
        if is_reachable || now_ms >= REACHABLE_MS {
            inner.trial_ends_ms.get_or_insert(now_ms.saturating_add(u64::from(inner.status.confirm_s) * 1_000));
        }
        // A confirmation that is being written is in time.
        !inner.is_busy && inner.trial_ends_ms.is_some_and(|end| now_ms >= end)
    }
}
