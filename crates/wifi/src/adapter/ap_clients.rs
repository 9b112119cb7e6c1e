//! The clients of the access point.

use heapless::Vec;

use crate::limits::AP_CLIENTS_MAX;

/// The clients in the access point, by the driver's reports, and the count that was reported to the state machine. The
/// clients are a set, so that an event that comes twice counts once.
#[derive(Debug)]
pub(super) struct Clients {
    macs: Vec<[u8; 6], AP_CLIENTS_MAX, u8>,
    reported: u8,
}

impl Clients {
    /// No client.
    pub(super) const fn new() -> Self {
        Self { macs: Vec::new(), reported: 0 }
    }

    /// The access point has been stopped or restarted: it has no client any more.
    pub(super) fn clear(&mut self) {
        self.macs.clear();
    }

    /// A client has joined (true) or left (false).
    pub(super) fn on_event(&mut self, mac: [u8; 6], has_joined: bool) {
        self.macs.retain(|known| *known != mac);
        if has_joined {
            // An access point takes no more clients than there is room for here.
            let _ = self.macs.push(mac);
        }
    }

    /// How many clients there are. `asked` is the driver's count; None if the driver has none.
    pub(super) fn count(&self, asked: Option<u8>) -> u8 {
        asked.unwrap_or(self.macs.len() as u8)
    }

    /// The count of clients, if it differs from the reported one. `asked` is as above.
    pub(super) fn changed(&self, asked: Option<u8>) -> Option<u8> {
        let count = self.count(asked);
        (count != self.reported).then_some(count)
    }

    /// This count was reported to the state machine.
    pub(super) fn reported(&mut self, count: u8) {
        self.reported = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const TWO: [u8; 6] = [2, 0, 0, 0, 0, 2];

    #[test]
    fn an_event_that_comes_twice_counts_once() {
        let mut clients = Clients::new();
        for (mac, has_joined, expected) in
            [(ONE, true, 1), (ONE, true, 1), (TWO, true, 2), (ONE, false, 1), (ONE, false, 1), (TWO, false, 0)]
        {
            clients.on_event(mac, has_joined);
            assert_eq!(clients.macs.len(), expected);
        }
    }

    #[test]
    fn what_the_driver_answers_goes_before_what_it_has_reported() {
        let mut clients = Clients::new();
        clients.on_event(ONE, true);
        assert_eq!(
            (clients.changed(None), clients.changed(Some(3)), clients.changed(Some(0))),
            (Some(1), Some(3), None)
        );
        clients.reported(1);
        assert_eq!((clients.changed(None), clients.changed(Some(0))), (None, Some(0)));
        clients.clear();
        assert_eq!(clients.changed(None), Some(0));
    }
}
