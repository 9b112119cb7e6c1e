//! The results of a scan.

use heapless::Vec;

use crate::credentials::Network;
use crate::limits::{HEARD_MAX, NETWORKS_MAX};
use crate::radio::ScanResult;

/// The strongest networks of the last scan, the strongest first, each name once.
#[derive(Debug, Default)]
pub struct Scan {
    heard: Vec<ScanResult, HEARD_MAX, u8>,
}

impl Scan {
    pub(crate) const fn new() -> Self {
        Self { heard: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.heard.clear();
    }

    /// The networks, the strongest first.
    pub fn networks(&self) -> &[ScanResult] {
        &self.heard
    }

    pub(crate) fn add(&mut self, heard: ScanResult) {
        let known = self.heard.iter().position(|known| known.ssid == heard.ssid);
        match known.and_then(|index| self.heard.get(index).map(|known| (index, known.rssi_dbm))) {
            Some((_, rssi_dbm)) if rssi_dbm >= heard.rssi_dbm => return,
            Some((index, _)) => drop(self.heard.remove(index)),
            None => (),
        }
        let weakest = self.heard.last().map(|weakest| weakest.rssi_dbm);
        if self.heard.is_full() && weakest.is_some_and(|weakest| weakest >= heard.rssi_dbm) {
            return;
        }
        if self.heard.is_full() {
            self.heard.pop();
        }
        let place = self.heard.iter().position(|weaker| weaker.rssi_dbm < heard.rssi_dbm).unwrap_or(self.heard.len());
        // There is room now.
        let _ = self.heard.insert(place, heard);
    }

    /// Indexes of `networks` in reverse order: the last is to be tried first. The order is by signal. Networks that
    /// were not heard are tried at the end, because a hidden network sends no name.
    pub(crate) fn rank(&self, networks: &[Network]) -> Vec<u8, NETWORKS_MAX, u8> {
        let place = |network: &Network| self.heard.iter().position(|heard| heard.ssid == network.ssid);
        let mut ranked: Vec<(usize, u8), NETWORKS_MAX> = Vec::new();
        for (index, network) in networks.iter().enumerate().take(NETWORKS_MAX) {
            let place = (place(network).unwrap_or(usize::MAX), index as u8);
            // Put in order as they come: a sort for any number of them takes 8 KB of flash. There is room for as many.
            let at = ranked.iter().position(|later| *later > place).unwrap_or(ranked.len());
            let _ = ranked.insert(at, place);
        }
        ranked.iter().rev().map(|(_, index)| *index).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec::Vec;

    use super::*;
    use crate::radio::Security;

    fn heard(name: &str, rssi_dbm: i8) -> ScanResult {
        ScanResult { ssid: name.try_into().unwrap(), rssi_dbm, security: Security::Password }
    }

    fn scan(networks: &[(&str, i8)]) -> Scan {
        let mut scan = Scan::new();
        networks.iter().for_each(|(name, rssi_dbm)| scan.add(heard(name, *rssi_dbm)));
        scan
    }

    #[test]
    fn the_strongest_come_first_and_each_name_once() {
        let scan = scan(&[("b", -60), ("a", -40), ("b", -30), ("c", -90), ("a", -41)]);
        let shown: Vec<_> = scan.networks().iter().map(|heard| (heard.ssid.as_str(), heard.rssi_dbm)).collect();
        assert_eq!(shown, [("b", -30), ("a", -40), ("c", -90)]);
    }

    #[test]
    fn the_weakest_make_room() {
        let mut scan = Scan::new();
        for number in 0..100 {
            scan.add(heard(&format!("n{number}"), -100 + (number * 37 % 80) as i8));
        }
        let signals: Vec<_> = scan.networks().iter().map(|heard| heard.rssi_dbm).collect();
        assert_eq!(signals.len(), HEARD_MAX);
        assert!(signals.is_sorted_by(|a, b| a >= b) && signals[HEARD_MAX - 1] >= -30, "{signals:?}");
    }

    #[test]
    fn networks_are_tried_by_signal_and_unheard_ones_last() {
        let networks = ["hidden", "weak", "strong"].map(|name| Network::new(name.as_bytes()).unwrap());
        let mut ranked = scan(&[("weak", -80), ("other", -20), ("strong", -50)]).rank(&networks);
        ranked.reverse();
        assert_eq!(ranked, [2, 1, 0]);
    }
}
