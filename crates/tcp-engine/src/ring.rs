//! A ring of bytes, in memory that is handed in.

/// RingMemory of a buffer: an array, a vector or a borrowed slice.
pub trait RingMemory: AsRef<[u8]> + AsMut<[u8]> {}

impl<M: AsRef<[u8]> + AsMut<[u8]>> RingMemory for M {}

/// Bytes in order, the first at `start`. The bytes may go over the end of the memory and on at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ring<M> {
    memory: M,
    start: usize,
    len: usize,
}

impl<M: RingMemory> Ring<M> {
    pub(crate) fn new(memory: M) -> Self {
        Self { memory, start: 0, len: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.memory.as_ref().len()
    }

    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.capacity() - self.len
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.len) = (0, 0);
    }

    /// Where the byte lies that is `offset` behind the first; `offset` is at most the capacity.
    #[inline]
    fn place(&self, offset: usize) -> usize {
        let place = self.start + offset;
        if place >= self.capacity() { place - self.capacity() } else { place }
    }

    /// Copies from `offset` behind the first byte to `out`, as much as there is. Returns how much.
    #[inline]
    pub(crate) fn copy_to(&self, offset: usize, out: &mut [u8]) -> usize {
        let len = out.len().min(self.len.saturating_sub(offset));
        if len > 0 {
            self.copy_from(self.place(offset), &mut out[..len]);
        }
        len
    }

    /// Moves the first bytes to `out`, as many as there are and fit. Returns how many.
    #[inline(always)]
    pub(crate) fn pop(&mut self, out: &mut [u8]) -> usize {
        let (place, len) = (self.start, out.len().min(self.len));
        self.drop_front(len);
        if len > 0 {
            // The last step, so that few registers have to outlive a call of memcpy.
            self.copy_from(place, &mut out[..len]);
        }
        len
    }

    /// Fills `out` with the bytes from a place of the memory on.
    #[inline(always)]
    fn copy_from(&self, place: usize, out: &mut [u8]) {
        match self.memory.as_ref().get(place..place + out.len()) {
            Some(whole) => copy(out, whole),
            None => self.copy_wrapped(place, out),
        }
    }

    // In line, its copies would have every read save registers.
    #[cold]
    #[inline(never)]
    fn copy_wrapped(&self, place: usize, out: &mut [u8]) {
        let memory = self.memory.as_ref();
        let tail = memory.get(place..).unwrap_or_default();
        let (first, second) = out.split_at_mut(tail.len().min(out.len()));
        for (to, part) in [(first, tail), (second, memory)] {
            if let Some(part) = part.get(..to.len()) {
                to.copy_from_slice(part);
            }
        }
    }

    /// Writes `data` so that it begins `offset` behind the first byte. The bytes count only when
    /// [`extend`](Self::extend) is called. Bytes that don't fit behind `offset` are left out.
    #[inline(always)]
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        let len = data.len().min(self.capacity().saturating_sub(offset));
        if len == 0 {
            return;
        }
        let (place, data) = (self.place(offset), &data[..len]);
        match self.memory.as_mut().get_mut(place..place + len) {
            Some(whole) => copy(whole, data),
            None => self.write_wrapped(place, data),
        }
    }

    #[cold]
    #[inline(never)]
    fn write_wrapped(&mut self, place: usize, data: &[u8]) {
        let memory = self.memory.as_mut();
        let (first, second) = data.split_at(memory.len().saturating_sub(place).min(data.len()));
        for (to, part) in [(place, first), (0, second)] {
            if let Some(room) = memory.get_mut(to..to + part.len()) {
                room.copy_from_slice(part);
            }
        }
    }

    /// The `len` bytes of memory behind the last byte, if they are free and in one piece. Bytes that are written
    /// there count only when [`extend`](Self::extend) is called. An empty ring is moved to its memory's beginning, as
    /// [`rewind`](Self::rewind) does.
    #[inline]
    pub(crate) fn free(&mut self, len: usize) -> Option<&mut [u8]> {
        if len > self.room() {
            return None;
        }
        self.rewind();
        let place = self.place(self.len);
        self.memory.as_mut().get_mut(place..place + len)
    }

    /// `len` bytes from `offset` behind the first, if they are there and in one piece.
    #[inline]
    pub(crate) fn piece(&self, offset: usize, len: usize) -> Option<&[u8]> {
        if len > self.len.saturating_sub(offset) {
            return None;
        }
        let place = self.place(offset);
        self.memory.as_ref().get(place..place + len)
    }

    /// Counts `len` bytes more, which [`write`](Self::write) has put behind the last one.
    #[inline]
    pub(crate) fn extend(&mut self, len: usize) {
        self.len += len.min(self.room());
    }

    /// Appends `data`, as much as there is room for. Returns how much.
    #[inline(always)]
    pub(crate) fn push(&mut self, data: &[u8]) -> usize {
        let len = data.len().min(self.room());
        self.write(self.len, &data[..len]);
        self.len += len;
        len
    }

    /// Drops the first `len` bytes, or all.
    #[inline]
    pub(crate) fn drop_front(&mut self, len: usize) {
        let len = len.min(self.len);
        self.start = self.place(len);
        self.len -= len;
    }

    /// Moves an empty ring to its memory's beginning, so that short requests and replies never go over its end. Not to
    /// be called while bytes lie behind the ring's end that do not count yet.
    #[inline]
    pub(crate) fn rewind(&mut self) {
        if self.len == 0 {
            self.start = 0;
        }
    }
}

/// Copies to a slice of the same length. A short request or reply is copied as its first and its last bytes, which may
/// overlap: calling memcpy would take twice as long.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    let is_done = match from.len() {
        0..4 | 33.. => false,
        4..9 => copy_ends::<4>(to, from),
        9..17 => copy_ends::<8>(to, from),
        _ => copy_ends::<16>(to, from),
    };
    // The lengths are the same. Cut so that the compiler sees it, `copy_from_slice` has no panic. A loop over the bytes
    // would become a call of memcpy only where the compiler optimizes for speed.
    if !is_done && let Some(from) = from.get(..to.len()) {
        to.copy_from_slice(from);
    }
}

/// Copies the first and the last `N` bytes. False if there are fewer.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(&first), Some(&last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else { return false };
    let Some(room) = to.first_chunk_mut::<N>() else { return false };
    *room = first;
    let Some(room) = to.last_chunk_mut::<N>() else { return false };
    *room = last;
    true
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::collections::VecDeque;
    use std::vec::Vec;

    /// Any sequence of calls does what a queue of bytes does.
    #[test]
    fn a_ring_is_a_queue() {
        let mut state = 1u32;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize % below
        };
        let (mut ring, mut queue) = (Ring::new([0u8; 13]), VecDeque::new());
        for step in 0..20_000 {
            let data: Vec<u8> = (0..random(17)).map(|byte| (step + byte) as u8).collect();
            match random(6) {
                0 | 1 => {
                    let len = ring.push(&data);
                    assert_eq!(len, data.len().min(13 - queue.len()));
                    queue.extend(&data[..len]);
                }
                2 => {
                    let len = random(15);
                    ring.drop_front(len);
                    queue.drain(..len.min(queue.len()));
                    if random(2) == 0 {
                        ring.rewind();
                    }
                }
                3 => {
                    let mut out = [0; 15];
                    let wanted = random(15);
                    let len = ring.pop(&mut out[..wanted]);
                    assert_eq!(len, wanted.min(queue.len()));
                    assert_eq!(out[..len], queue.drain(..len).collect::<Vec<_>>()[..]);
                }
                4 => {
                    // Written in place, and counted or not.
                    if let Some(room) = ring.free(data.len()) {
                        room.copy_from_slice(&data);
                        if random(2) == 0 {
                            ring.extend(data.len());
                            queue.extend(&data);
                        }
                    } else {
                        let place = ring.place(ring.len);
                        assert!(data.len() > ring.room() || place + data.len() > 13);
                    }
                }
                _ => {
                    // Written behind a gap, then filled.
                    let len = data.len().min(ring.room());
                    let half = len / 2;
                    ring.write(ring.len() + half, &data[half..len]);
                    ring.write(ring.len(), &data[..half]);
                    ring.extend(len);
                    queue.extend(&data[..len]);
                }
            }
            assert_eq!((ring.len(), ring.room(), ring.capacity()), (queue.len(), 13 - queue.len(), 13));
            let offset = random(15);
            let mut out = [0; 20];
            let len = ring.copy_to(offset, &mut out);
            let expected: Vec<u8> = queue.iter().skip(offset).copied().collect();
            assert_eq!(out[..len], expected[..]);
            let is_whole = len > 0 && ring.place(offset) + len <= 13;
            assert_eq!(ring.piece(offset, len).filter(|_| len > 0), is_whole.then_some(&expected[..]));
            assert_eq!(ring.piece(offset, len + 1), None);
        }
        ring.clear();
        assert_eq!((ring.len(), ring.room()), (0, 13));
    }

    #[test]
    fn every_length_is_copied_whole() {
        let from: Vec<u8> = (1..=100).collect();
        for len in 0..=from.len() {
            let mut to = [0; 102];
            copy(&mut to[1..=len], &from[..len]);
            assert_eq!(to[1..=len], from[..len]);
            assert_eq!((to[0], to[len + 1]), (0, 0), "{len}");
        }
    }

    #[test]
    fn nothing_is_written_beyond_the_capacity() {
        let mut ring = Ring::new([0u8; 4]);
        ring.write(2, b"abcdef");
        ring.extend(100);
        let mut out = [9; 6];
        assert_eq!((ring.copy_to(0, &mut out), out), (4, [0, 0, b'a', b'b', 9, 9]));
        ring.write(5, b"x");
        assert_eq!(ring.copy_to(0, &mut out), 4);
        assert_eq!(ring.push(b"y"), 0);
    }

    #[test]
    fn memory_of_no_length_holds_nothing() {
        let mut ring = Ring::new([0u8; 0]);
        assert_eq!((ring.push(b"x"), ring.copy_to(0, &mut [0; 2]), ring.room()), (0, 0, 0));
    }
}
