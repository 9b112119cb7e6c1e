//! The samples of an outbox, the oldest first: some are on their way, the others wait.

use crate::keys::history::SampleId;
use crate::limits::OUTBOX_LEN;
use crate::value::Value;

/// A sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct QueuedSample {
    /// When it was measured; once it is fixed, the ID that it goes out with.
    pub(super) id: SampleId,
    pub(super) value: Value,
    pub(super) reading: u8,
    /// The ID is the time since boot, and has no meaning for a peer yet.
    pub(super) is_since_boot: bool,
    /// The sample was sent, and keeps its ID.
    pub(super) has_id: bool,
    /// The sample was sent on a connection that ended before the peer answered for it.
    pub(super) is_unacked: bool,
}

/// At most [`OUTBOX_LEN`] samples.
#[derive(Debug)]
pub(super) struct Ring {
    entries: [QueuedSample; OUTBOX_LEN],
    start: usize,
    len: usize,
    /// How many are on their way: the oldest.
    sent: usize,
    /// How many of those right behind need another ID.
    refused: usize,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { entries: [QueuedSample::default(); OUTBOX_LEN], start: 0, len: 0, sent: 0, refused: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.len
    }

    /// Adds a sample. True if the oldest that isn't on its way had to go: the outcome of the others is yet to come.
    pub(super) fn append(&mut self, entry: QueuedSample) -> bool {
        let is_full = self.len == OUTBOX_LEN;
        if is_full {
            self.remove(self.sent);
        }
        if let Some(slot) = self.slot(self.len) {
            *slot = entry;
            self.len += 1;
        }
        is_full
    }

    /// The oldest sample that isn't on its way.
    pub(super) fn unsent(&self) -> Option<QueuedSample> {
        self.has_unsent().then(|| self.entries[(self.start + self.sent) % OUTBOX_LEN])
    }

    /// That one goes out, with this ID.
    pub(super) fn send(&mut self, id: SampleId) {
        if let Some(entry) = self.slot(self.sent) {
            (entry.id, entry.has_id, entry.is_since_boot) = (id, true, false);
            self.sent += 1;
        }
    }

    /// That one is given up.
    pub(super) fn skip(&mut self) {
        if self.has_unsent() {
            self.remove(self.sent);
        }
    }

    /// The samples of a reading that is no more are given up. A sample that is on its way stays until it is settled, or
    /// the connection ends.
    pub(super) fn forget(&mut self, reading: u8) {
        for position in (0..self.len).rev() {
            let Some(entry) = self.slot(position).filter(|entry| entry.reading == reading) else {
                continue;
            };
            entry.reading = u8::MAX;
            if position >= self.sent {
                self.remove(position);
            }
        }
    }

    /// Whether the oldest sample on its way was sent before this connection.
    pub(super) fn is_first_unacked(&self) -> bool {
        self.sent > 0 && self.entries[self.start % OUTBOX_LEN].is_unacked
    }

    /// The oldest sample on its way has not arrived, and needs another ID. The sample goes behind the others on their way,
    /// which may arrive under the IDs that they have.
    pub(super) fn refuse(&mut self) {
        let last = (self.sent + self.refused).min(self.len).saturating_sub(1);
        let Some(first) = self.slot(0).map(|entry| QueuedSample { has_id: false, ..*entry }).filter(|_| self.sent > 0)
        else {
            return;
        };
        for position in 0..last {
            self.entries[(self.start + position) % OUTBOX_LEN] = self.entries[(self.start + position + 1) % OUTBOX_LEN];
        }
        self.entries[(self.start + last) % OUTBOX_LEN] = first;
        self.sent -= 1;
        self.refused += 1;
    }

    /// Whether a sample was refused for its ID on this connection.
    pub(super) fn has_refused(&self) -> bool {
        self.refused > 0
    }

    /// The oldest sample on its way is settled.
    pub(super) fn pop(&mut self) {
        if self.sent > 0 {
            self.sent -= 1;
            self.len -= 1;
            self.start = (self.start + 1) % OUTBOX_LEN;
        }
    }

    /// The connection has ended: what was on its way has arrived or not, and waits again.
    pub(super) fn mark_unacked(&mut self) {
        for position in 0..self.sent {
            if let Some(entry) = self.slot(position) {
                entry.is_unacked = true;
            }
        }
        (self.sent, self.refused) = (0, 0);
    }

    /// Nothing has ever gone out.
    pub(super) fn forget_sent(&mut self) {
        for entry in &mut self.entries {
            (entry.has_id, entry.is_unacked) = (false, false);
        }
        (self.sent, self.refused) = (0, 0);
    }

    pub(super) fn clear(&mut self) {
        (self.len, self.sent, self.refused) = (0, 0, 0);
    }

    /// Takes out the sample at this position; those before it move up.
    fn remove(&mut self, position: usize) {
        for position in (0..position).rev() {
            self.entries[(self.start + position + 1) % OUTBOX_LEN] = self.entries[(self.start + position) % OUTBOX_LEN];
        }
        self.start = (self.start + 1) % OUTBOX_LEN;
        self.len -= 1;
    }

    fn slot(&mut self, position: usize) -> Option<&mut QueuedSample> {
        self.entries.get_mut((self.start + position) % OUTBOX_LEN)
    }
}
