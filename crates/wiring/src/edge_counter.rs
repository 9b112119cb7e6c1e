//! A count of the falling edges at a pin, with the bouncing of a contact left out. The caller is the pin's interrupt.

/// A count of falling edges. With a debounce time an edge counts only if the level was high, and still, for so long
/// before. So neither the bouncing of a contact that closes is counted, nor that of one that opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeCounter {
    count: u32,
    /// 0 counts every falling edge, milliseconds.
    debounce_ms: u16,
    /// The level after the last edge.
    was_high: bool,
    /// When the last edge came, rising or falling, milliseconds since boot.
    edge_ms: u64,
}

impl EdgeCounter {
    /// From 0, at a pin that has this level now. A `debounce_ms` of 0 counts every falling edge.
    pub const fn new(debounce_ms: u16, is_high: bool, now_ms: u64) -> Self {
        Self { count: 0, debounce_ms, was_high: is_high, edge_ms: now_ms }
    }

    /// Whether [`edge`](Self::edge) is to be called for rising edges too; otherwise it is called for falling ones only.
    pub const fn takes_rising_edges(&self) -> bool {
        self.debounce_ms > 0
    }

    /// An edge has come. `is_high` is the level after it, read once the interrupt is cleared. While a contact bounces the
    /// level may be another one than the edge made; the level after the last edge is right.
    pub fn edge(&mut self, is_high: bool, now_ms: u64) {
        let was_still = now_ms.saturating_sub(self.edge_ms) >= self.debounce_ms.into();
        // From a level that was high an edge falls, whatever the level has become since.
        if self.debounce_ms == 0 || self.was_high && was_still {
            self.count = self.count.wrapping_add(1);
        }
        (self.was_high, self.edge_ms) = (is_high, now_ms);
    }

    /// Falling edges; the number wraps.
    pub const fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(debounce_ms: u16, is_high: bool, edges: &[(u64, bool)]) -> u32 {
        let mut counter = EdgeCounter::new(debounce_ms, is_high, 0);
        edges.iter().for_each(|(now_ms, is_high)| counter.edge(*is_high, *now_ms));
        counter.count()
    }

    #[test]
    fn a_contact_that_bounces_is_counted_once() {
        let closes = [(100, false), (101, true), (102, false), (103, true), (104, false)];
        let opens = [(200, true), (201, false), (202, true), (203, false), (204, true)];
        let pulse = [closes, opens].concat();
        assert_eq!(count(20, true, &pulse), 1);
        let again: Vec<_> = pulse.iter().map(|(now_ms, is_high)| (now_ms + 200, *is_high)).collect();
        assert_eq!(count(20, true, &[pulse, again].concat()), 2);
    }

    #[test]
    fn an_edge_counts_from_the_debounce_time_on() {
        assert_eq!(count(20, true, &[(19, false)]), 0);
        assert_eq!(count(20, true, &[(20, false)]), 1);
        assert_eq!(count(20, false, &[(30, true), (49, false), (60, true), (80, false)]), 1);
        // A level that was low has no falling edge.
        assert_eq!(count(20, false, &[(100, true)]), 0);
        assert_eq!(count(1_000, true, &[(u64::MAX, false)]), 1);
    }

    #[test]
    fn an_edge_counts_though_the_level_has_bounced_back_when_it_is_read() {
        assert_eq!(count(20, true, &[(100, true), (100, false), (200, true), (300, false)]), 2);
        // Both edges of a short pulse came while interrupts waited.
        assert_eq!(count(20, true, &[(100, true), (200, true)]), 2);
    }

    #[test]
    fn without_a_debounce_time_every_falling_edge_counts() {
        assert_eq!(count(0, true, &[(100, false), (100, false), (100, true)]), 3);
        assert!(
            !EdgeCounter::new(0, true, 0).takes_rising_edges() && EdgeCounter::new(1, true, 0).takes_rising_edges()
        );
    }
}
