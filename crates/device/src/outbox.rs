//! The outbox: samples on their way to a peer, which is another device or a Redis. The owner of the connection takes
//! each sample from the outbox, and reports the outcome. The outbox does no IO, so the simulation runs it through
//! thousands of cut connections.
//!
//! A sample is resent until the peer has answered for it, under the ID that it had when it was first sent. A peer
//! stores an ID once. When the same ID comes again, the peer answers that it is equal to or smaller than its last one.
//! So a sample that is sent at least once is stored exactly once.
//!
//! # IDs
//!
//! An ID is the time of the sample, in milliseconds since 1970. An ID must be greater than all IDs before it in the
//! peer's stream, so the stream's last ID is queried on every new connection. A sample whose time is not later gets the
//! next greater ID instead.
//!
//! A device without a clock counts milliseconds since boot, and adds an offset that begins behind the stream's last ID.
//! After a reboot its samples have the right distance from one another, but not from those before the reboot.
//!
//! The error "equal or smaller" counts as a delivery only if the sample was sent on an earlier connection, whose answer
//! was lost. As the first answer to a sample, the error means that another client writes to the stream. Then the sample
//! gets a new ID on a new connection, and none is lost. The samples that were on their way behind that one are settled
//! first, on the connection on which they were sent.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::Poll;

use embassy_sync::waitqueue::WakerRegistration;
use heapless::String;

use crate::glob;
use crate::keys::history::{SampleId, StreamId};
use crate::limits::{DEVICE_NAME_LEN_MAX, NAME_LEN_MAX, PUSH_ERROR_LEN_MAX, PUSH_WINDOW_MAX, READINGS_MAX};
use crate::platform::{Now, ReadingInfo};
use crate::settings::PushSettings;
use crate::value::{Decimal, Value};

mod sample_ring;

use sample_ring::{QueuedSample, Ring};

/// Figures since boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PushCounts {
    /// Samples that the peer has answered for, those of `repeated` among them.
    pub delivered: u32,
    /// Samples that the peer had already when they were sent again.
    pub repeated: u32,
    /// Samples that made room for newer ones, because the peer was away for too long. The peer may have some of them.
    pub dropped: u32,
    /// Samples that the peer refused for good.
    pub refused: u32,
    /// Connections that were made.
    pub connections: u32,
    /// Connections that failed, or could not be made.
    pub failures: u32,
}

/// The outcome of a sample at the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleOutcome {
    /// The peer has stored the sample.
    Stored,
    /// The peer's stream has this ID or a greater one already.
    IdNotGreater,
    /// The peer refuses the sample for good.
    Refused,
}

/// The stream's last ID is not the one that was read: another client writes to the stream. The connection has to be
/// made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdConflict;

/// The names of readings that come and go while the device runs, which is why an outbox doesn't keep them.
pub trait ReadingNames {
    /// The name and the decimals of the reading of this number, if it is one of these.
    fn reading(&self, index: usize) -> Option<(String<NAME_LEN_MAX, u8>, u8)>;
}

/// No readings come and go.
impl ReadingNames for () {
    fn reading(&self, _index: usize) -> Option<(String<NAME_LEN_MAX, u8>, u8)> {
        None
    }
}

/// A sample as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The reading's name.
    pub name: String<NAME_LEN_MAX, u8>,
    /// The ID, which stays the same however often the sample is sent.
    pub id: StreamId,
    /// The value.
    pub value: Decimal,
}

/// The samples of some readings on their way to a peer. Belongs to one executor, as [`App`](crate::App) does.
///
/// Has room for [`OUTBOX_LEN`](crate::limits::OUTBOX_LEN) samples; one more drops the oldest.
pub struct Outbox<'a> {
    readings: &'a [ReadingInfo<'a>],
    state: RefCell<OutboxState>,
    /// Changes with the settings.
    version: Cell<u32>,
}

struct OutboxState {
    settings: PushSettings,
    node: String<DEVICE_NAME_LEN_MAX, u8>,
    ring: Ring,
    /// For each reading the last ID that its stream has, as far as is known.
    last: [SampleId; READINGS_MAX],
    /// The readings whose streams were asked about on this connection, a bit for each.
    learnt: u32,
    /// Added to the time since boot.
    offset_ms: u64,
    /// When the next sample of each reading is to be taken, since boot.
    due_ms: [u64; READINGS_MAX],
    counts: PushCounts,
    is_connected: bool,
    error: String<PUSH_ERROR_LEN_MAX, u8>,
    waker: WakerRegistration,
}

impl OutboxState {
    fn new() -> Self {
        Self {
            settings: PushSettings::default(),
            node: String::new(),
            ring: Ring::new(),
            last: [SampleId::default(); READINGS_MAX],
            learnt: 0,
            offset_ms: 0,
            due_ms: [0; READINGS_MAX],
            counts: PushCounts::default(),
            is_connected: false,
            error: String::new(),
            waker: WakerRegistration::new(),
        }
    }

    fn is_wanted(&self, name: &str) -> bool {
        !self.settings.to.is_empty() && glob::matches(self.settings.names.as_bytes(), name.as_bytes())
    }

    /// The ID under which a sample goes out for the first time; none if its stream can have no greater one.
    fn assign_id(&mut self, entry: QueuedSample) -> Option<SampleId> {
        let mut id = entry.id;
        if entry.is_since_boot {
            // All streams of a device go on together, so that samples of the same moment have the same ID.
            let end_ms = self.last.iter().max().map_or(0, |last| last.id().ms);
            if id.id().ms + self.offset_ms < end_ms {
                self.offset_ms = end_ms + 1 - id.id().ms;
            }
            id = id.later(self.offset_ms);
        }
        let last = self.last.get_mut(usize::from(entry.reading))?;
        *last = id.max(last.following()?);
        Some(*last)
    }

    fn wake(&mut self) {
        self.waker.wake();
    }
}

impl<'a> Outbox<'a> {
    /// An outbox for samples of these readings, the [`Platform`](crate::Platform)'s where there is one. An outbox takes
    /// no samples before it is [configured](Self::configure).
    // A task that calls it has no room for it on its stack as long as it runs.
    #[inline(never)]
    pub fn new(readings: &'a [ReadingInfo<'a>]) -> Self {
        Self { readings, state: RefCell::new(OutboxState::new()), version: Cell::new(0) }
    }

    /// Sets the peer, the readings that are pushed to it, and the device's name there (`node`). Queued samples of an
    /// earlier peer go to the new one.
    pub fn configure(&self, settings: &PushSettings, node: &str) {
        let state = &mut *self.state.borrow_mut();
        if state.settings == *settings && state.node == node {
            return;
        }
        if state.settings.to != settings.to || state.node != node {
            state.ring.forget_sent();
            state.last = [SampleId::default(); READINGS_MAX];
        }
        if settings.to.is_empty() {
            state.ring.clear();
        }
        state.settings = settings.clone();
        // A longer name than a device can have is cut.
        let len = node.floor_char_boundary(DEVICE_NAME_LEN_MAX);
        state.node = String::try_from(node.get(..len).unwrap_or_default()).unwrap_or_default();
        state.due_ms = [0; READINGS_MAX];
        self.version.set(self.version.get().wrapping_add(1));
        state.wake();
    }

    /// Changes the device's name at the peer. Its samples go to other streams then, whose last IDs are queried anew.
    pub fn rename(&self, node: &str) {
        let settings = self.with_settings(Clone::clone);
        self.configure(&settings, node);
    }

    /// Queues a sample of reading `index`, if the settings select that reading. If the outbox is full, the oldest
    /// queued sample is dropped.
    pub fn put(&self, index: usize, value: Value, now: Now) {
        if let Some(info) = self.readings.get(index) {
            self.put_named(index, (info.name, info.period_ms), value, now);
        }
    }

    /// [`put`](Self::put) for a reading that the outbox need not have been made with. The reading is given by its name
    /// and its sampling period, milliseconds.
    pub(crate) fn put_named(&self, index: usize, (name, period): (&str, u32), value: Value, now: Now) {
        let state = &mut *self.state.borrow_mut();
        let Some(due_ms) = state.due_ms.get(index).copied() else {
            return;
        };
        if !state.is_wanted(name) {
            return;
        }
        let (uptime_ms, period_ms) = (now.uptime_ms(), u64::from(state.settings.period_ms));
        // The sample that is closest to the time is the one, so half a period of the sensor may be missing.
        if uptime_ms + u64::from(period / 2) < due_ms {
            return;
        }
        // In step, unless a sample is missing.
        let is_in_step = due_ms > 0 && uptime_ms < due_ms + period_ms;
        let next_ms = if is_in_step { due_ms } else { uptime_ms } + period_ms;
        if let Some(due_ms) = state.due_ms.get_mut(index) {
            *due_ms = next_ms;
        }
        let id = SampleId::default().next(now);
        let entry = QueuedSample {
            id,
            value,
            reading: index as u8,
            is_since_boot: now.unix_us.is_none(),
            ..QueuedSample::default()
        };
        if state.ring.append(entry) {
            state.counts.dropped = state.counts.dropped.wrapping_add(1);
        }
        state.wake();
    }

    /// The wiring changed. `left` has a bit for each reading that is gone, whose queued samples are dropped. The
    /// connection is made anew, to query the last IDs of the new readings' streams.
    pub(crate) fn rewire(&self, left: u32) {
        let state = &mut *self.state.borrow_mut();
        for index in (0..READINGS_MAX).filter(|index| left >> index & 1 == 1) {
            state.ring.forget(index as u8);
            if let (Some(last), Some(due_ms)) = (state.last.get_mut(index), state.due_ms.get_mut(index)) {
                (*last, *due_ms) = (SampleId::default(), 0);
            }
        }
        self.version.set(self.version.get().wrapping_add(1));
        state.wake();
    }

    /// The name and the decimals of a reading.
    fn reading(&self, index: usize, names: &impl ReadingNames) -> Option<(String<NAME_LEN_MAX, u8>, u8)> {
        match self.readings.get(index) {
            Some(info) => Some((info.name.try_into().ok()?, info.decimals)),
            None => names.reading(index),
        }
    }

    /// Whether a sample waits that isn't sent.
    pub fn has_samples(&self) -> bool {
        self.state.borrow().ring.has_unsent()
    }

    /// Changes whenever the settings do.
    pub fn version(&self) -> u32 {
        self.version.get()
    }

    /// Waits until there is a sample to send, or until the settings aren't those of `version` any more.
    pub async fn ready(&self, version: u32) {
        self.wait(|| self.has_samples() || self.version() != version).await;
    }

    /// Waits until the settings aren't those of `version` any more.
    pub async fn reconfigured(&self, version: u32) {
        self.wait(|| self.version() != version).await;
    }

    async fn wait(&self, is_over: impl Fn() -> bool) {
        poll_fn(|cx| {
            if is_over() {
                return Poll::Ready(());
            }
            self.state.borrow_mut().waker.register(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// The settings that are in force.
    pub fn with_settings<R>(&self, read: impl FnOnce(&PushSettings) -> R) -> R {
        read(&self.state.borrow().settings)
    }

    /// The device's name at the peer, which precedes a reading's name in a key.
    pub fn node(&self) -> String<DEVICE_NAME_LEN_MAX, u8> {
        self.state.borrow().node.clone()
    }

    /// A connection is open. Samples that were sent on an earlier connection may have arrived or not.
    pub fn connected(&self) {
        let state = &mut *self.state.borrow_mut();
        state.ring.mark_unacked();
        state.learnt = 0;
        state.is_connected = true;
        state.error.clear();
        state.counts.connections = state.counts.connections.wrapping_add(1);
    }

    /// The connection is closed, or none could be made.
    pub fn disconnected(&self, error: Option<&str>) {
        let state = &mut *self.state.borrow_mut();
        state.ring.mark_unacked();
        state.is_connected = false;
        if let Some(error) = error {
            state.counts.failures = state.counts.failures.wrapping_add(1);
            state.note(error);
        }
    }

    /// The next reading whose stream's last ID is to be queried; None once all are known.
    pub fn next_unqueried(&self, names: &impl ReadingNames) -> Option<(usize, String<NAME_LEN_MAX, u8>)> {
        // Names come from elsewhere, which must not find the outbox in use.
        let learnt = self.state.borrow().learnt;
        let unknown = (0..READINGS_MAX).filter(|index| learnt >> index & 1 == 0);
        let mut named = unknown.filter_map(|index| Some((index, self.reading(index, names)?.0)));
        named.find(|(_, name)| self.state.borrow().is_wanted(name))
    }

    /// Sets the last ID of a reading's stream; None if there is no such stream.
    pub fn set_last_id(&self, index: usize, last: Option<StreamId>) {
        let state = &mut *self.state.borrow_mut();
        state.learnt |= 1 << index;
        if let (Some(known), Some(last)) = (state.last.get_mut(index), last) {
            // Samples that this device has sent may be yet to arrive.
            *known = SampleId::at_least(last).max(*known);
        }
    }

    /// The next sample to send. None if no sample waits, or if [`PUSH_WINDOW_MAX`] samples are on their way. The sample
    /// is on its way then; outcomes are reported in the order of sending.
    pub fn next(&self, names: &impl ReadingNames) -> Option<Outgoing> {
        loop {
            let entry = self.state.borrow().ring.unsent()?;
            // Names come from elsewhere, which must not find the outbox in use.
            let reading = self.reading(entry.reading.into(), names);
            let state = &mut *self.state.borrow_mut();
            if state.ring.sent() >= PUSH_WINDOW_MAX || state.ring.has_refused() {
                return None;
            }
            let Some((name, decimals)) = reading else {
                // Its sensor is no more wired.
                state.ring.skip();
                continue;
            };
            let id = if entry.has_id { Some(entry.id) } else { state.assign_id(entry) };
            if let Some(id) = id {
                state.ring.send(id);
                return Some(Outgoing { name, id: id.id(), value: entry.value.with_decimals(decimals) });
            }
            state.ring.skip();
            state.counts.refused = state.counts.refused.wrapping_add(1);
            state.note("a stream has had its last ID");
        }
    }

    /// Reports the outcome of the oldest sample that is on its way. `reason` is the peer's error if the peer refused
    /// the sample.
    ///
    /// # Errors
    /// [`IdConflict`], once all samples on their way are settled: one of them hasn't arrived and never will under its ID.
    /// Until the next connection no sample goes out. There the sample gets another ID.
    pub fn settle(&self, outcome: SampleOutcome, reason: &str) -> Result<(), IdConflict> {
        let state = &mut *self.state.borrow_mut();
        let is_repeated = state.ring.is_first_unacked();
        let counts = &mut state.counts;
        match outcome {
            SampleOutcome::IdNotGreater if !is_repeated => state.ring.refuse(),
            SampleOutcome::Stored | SampleOutcome::IdNotGreater => {
                counts.delivered = counts.delivered.wrapping_add(1);
                counts.repeated = counts.repeated.wrapping_add((outcome == SampleOutcome::IdNotGreater).into());
                state.ring.pop();
            }
            SampleOutcome::Refused => {
                counts.refused = counts.refused.wrapping_add(1);
                state.ring.pop();
                state.note(reason);
            }
        }
        if state.ring.has_refused() && state.ring.sent() == 0 { Err(IdConflict) } else { Ok(()) }
    }

    /// Samples that wait or are on their way.
    pub fn len(&self) -> usize {
        self.state.borrow().ring.len()
    }

    /// Whether no sample waits or is on its way.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Figures since boot.
    pub fn counts(&self) -> PushCounts {
        self.state.borrow().counts
    }

    /// Whether a connection is open.
    pub fn is_connected(&self) -> bool {
        self.state.borrow().is_connected
    }

    /// The last error since the connection was made; empty if there was none.
    pub fn error(&self) -> String<PUSH_ERROR_LEN_MAX, u8> {
        self.state.borrow().error.clone()
    }
}

impl OutboxState {
    /// Keeps an error for whoever asks; a longer one is cut.
    fn note(&mut self, error: &str) {
        let len = error.floor_char_boundary(PUSH_ERROR_LEN_MAX);
        self.error = String::try_from(error.get(..len).unwrap_or_default()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
