//! Liveness: whether a server still serves, so that a watchdog may be fed.
//!
//! Every wait of a slot ends, because the watch counts its ticks and wakes the slot. A server has hung if the watch
//! doesn't tick although a connection is open. A server has also hung if a slot doesn't run although it was woken. A
//! client that is silent within its time-outs is no sign of either.

use embassy_time::{Duration, Ticker};

use crate::limits::LATE_TICKS_MAX;
use crate::server::Server;
use crate::slot::Slot;

/// The figures of a server at the last check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Liveness {
    ticks: u32,
    /// Whether connections were open.
    is_open: bool,
}

impl Liveness {
    /// Before the first check.
    pub const fn new() -> Self {
        Self { ticks: 0, is_open: false }
    }

    /// Checks whether the server still serves. Two checks must be several ticks of
    /// [`WATCH_TICK_MS`](crate::limits::WATCH_TICK_MS) apart.
    pub fn is_alive<const N: usize>(&mut self, server: &Server<N>) -> bool {
        let now = Self { ticks: server.ticks.get(), is_open: server.open_len() > 0 };
        let before = core::mem::replace(self, now);
        let has_stopped = before.is_open && now.is_open && before.ticks == now.ticks;
        !has_stopped && server.all().map(Slot::late).all(|late| late <= LATE_TICKS_MAX)
    }

    /// Checks the server once in `period`, for ever, and calls `feed` as long as the server serves.
    pub async fn guard<const N: usize>(server: &Server<N>, period: Duration, mut feed: impl FnMut()) -> ! {
        let (mut liveness, mut ticker) = (Self::new(), Ticker::every(period));
        loop {
            if liveness.is_alive(server) {
                feed();
            }
            ticker.next().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::net::SocketAddr;

    use embassy_futures::block_on;
    use embassy_futures::select::{Either, select};
    use embassy_time::Timer;

    use super::*;
    use crate::limits::Timeouts;

    const PEER: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST), 1);

    /// One tick of the watch.
    fn tick(server: &Server<1>) {
        server.ticks.set(server.ticks.get() + 1);
        server.all().for_each(Slot::tick);
    }

    #[test]
    fn a_server_without_clients_is_there() {
        let (server, mut liveness) = (Server::<1>::new(Timeouts::DEFAULT), Liveness::new());
        assert!((0..10).all(|_| liveness.is_alive(&server)));
    }

    #[test]
    fn a_watch_that_stands_still_is_noticed_once_somebody_needs_it() {
        let (server, mut liveness) = (Server::<1>::new(Timeouts::DEFAULT), Liveness::new());
        assert!(liveness.is_alive(&server));
        server.open(server.all().next().unwrap(), PEER);
        assert!(liveness.is_alive(&server), "it had no time to tick");
        tick(&server);
        assert!(liveness.is_alive(&server));
        assert!(!liveness.is_alive(&server));
    }

    #[test]
    fn a_watchdog_is_fed_until_the_server_is_gone() {
        let (server, fed) = (Server::<1>::new(Timeouts::DEFAULT), Cell::new(0));
        let guarding = Liveness::guard(&server, Duration::from_millis(1), || {
            fed.set(fed.get() + 1);
            // A client, and nobody who counts the time down.
            if fed.get() == 2 {
                server.open(server.all().next().unwrap(), PEER);
            }
        });
        let looks = async {
            while fed.get() < 3 {
                Timer::after(Duration::from_millis(1)).await;
            }
            Timer::after(Duration::from_millis(50)).await;
        };
        assert!(matches!(block_on(select(guarding, looks)), Either::Second(())));
        assert_eq!(fed.get(), 3, "once more, because it had no time to tick");
    }

    #[test]
    fn a_slot_that_does_not_run_is_noticed() {
        let (server, mut liveness) = (Server::<1>::new(Timeouts::DEFAULT), Liveness::new());
        let slot = server.all().next().unwrap();
        server.open(slot, PEER);
        slot.begin_request(crate::limits::Ticks::at_least(Duration::from_millis(500)));
        let late_after = (0..100).position(|_| {
            tick(&server);
            !liveness.is_alive(&server)
        });
        assert_eq!(late_after, Some(2 + usize::from(LATE_TICKS_MAX)));
    }
}
