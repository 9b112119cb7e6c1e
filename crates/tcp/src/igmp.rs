//! When reports of membership are due (IGMPv2: RFC 2236; a query of IGMPv3, RFC 3376, is answered as one of IGMPv2).
//!
//! smoltcp answers a query after a delay (RFC 2236 section 3), but embassy-net has no timer for it. The report would
//! leave with the next frame that comes in, or never. So embassy-net is woken at the times at which smoltcp answers:
//! quarters of the time that the query gives.

use embassy_time::{Duration, Instant};

use crate::checksum::ETHERNET;
use crate::limits::{IGMP_RESPONSE_MS_MAX, IGMP_WAKES};

/// IPv4's protocol number of IGMP.
const IGMP: u8 = 2;
/// The type of a membership query.
const QUERY: u8 = 0x11;

/// The longest time until the answer to the query in a frame, and None if there is no query in it.
pub(crate) fn max_response(frame: &[u8]) -> Option<Duration> {
    let packet = frame.get(ETHERNET..)?;
    if frame[12..14] != [0x08, 0x00] || *packet.get(9)? != IGMP {
        return None;
    }
    let message = packet.get(usize::from(packet[0] & 0x0f) * 4..)?;
    let [kind, code, ..] = *message else { return None };
    // Tenths of a second, or, in IGMPv3, from 128 on a floating-point number (RFC 3376 section 4.1.1). IGMPv1 has 0,
    // which smoltcp takes for a tenth.
    let tenths = match code {
        0..128 => u64::from(code.max(1)),
        _ => u64::from((code & 0x0f) | 0x10) << (((code >> 4) & 7) + 3),
    };
    (kind == QUERY).then(|| Duration::from_millis((tenths * 100).min(IGMP_RESPONSE_MS_MAX)))
}

/// When embassy-net is to be woken for its reports.
pub(crate) struct Reports {
    /// [`Instant::MAX`] if no report is expected.
    pub(crate) next: Instant,
    step: Duration,
    left: u8,
}

impl Reports {
    /// No report is expected.
    pub(crate) const NONE: Self = Self { next: Instant::MAX, step: Duration::MIN, left: 0 };

    /// A query has come.
    pub(crate) fn expect(&mut self, now: Instant, max_response: Duration) {
        let step = max_response / u32::from(IGMP_WAKES);
        *self = Self { next: now + step, step, left: IGMP_WAKES };
    }

    /// Whether embassy-net is to be woken now.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.next <= now;
        if is_due {
            self.left -= 1;
            self.next = if self.left == 0 { Instant::MAX } else { self.next + self.step };
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(code: u8) -> [u8; 46] {
        let mut frame = [0; 46];
        frame[12..14].copy_from_slice(&[0x08, 0x00]);
        // With the option "router alert", as all of IGMP's packets.
        (frame[14], frame[14 + 9], frame[14 + 24], frame[14 + 25]) = (0x46, IGMP, QUERY, code);
        frame
    }

    #[test]
    fn a_query_tells_how_long_its_answer_may_take() {
        for (code, ms) in [(0, 100), (100, 10_000), (127, 12_700), (128, 12_800), (0x8f, 24_800), (0xff, 3_174_400)] {
            let ms = ms.min(IGMP_RESPONSE_MS_MAX);
            assert_eq!(max_response(&query(code)), Some(Duration::from_millis(ms)), "{code}");
        }
        for (index, value) in [(12, 0), (14 + 9, 17), (14 + 24, 0x16)] {
            let mut other = query(100);
            other[index] = value;
            assert_eq!(max_response(&other), None);
        }
        for len in 0..46 {
            // Nothing but a length that is too short for it is no query, and no length is out of bounds.
            assert_eq!(max_response(&query(100)[..len]).is_some(), len >= 14 + 26, "{len}");
        }
    }

    #[test]
    fn embassy_net_is_woken_at_each_quarter_of_that_time() {
        let at = Instant::from_millis;
        let mut reports = Reports::NONE;
        assert!(!reports.is_due(at(0)) && reports.next == Instant::MAX);
        reports.expect(at(0), Duration::from_millis(1_000));
        let woken: std::vec::Vec<_> = (0..2_000).filter(|ms| reports.is_due(at(*ms))).collect();
        assert_eq!(woken, [250, 500, 750, 1_000]);
        assert_eq!(reports.next, Instant::MAX);
    }
}
