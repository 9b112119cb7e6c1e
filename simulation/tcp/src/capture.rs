//! A seed's packets as a pcap file, which Wireshark and tcpdump open.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use smoltcp::phy::{PcapLinkType, PcapSink};
use smoltcp::time::Instant;

use crate::Micros;

/// A file that packets are added to, lost ones too, at the time when they were sent.
pub struct Capture(BufWriter<File>);

impl Capture {
    /// Creates the file.
    ///
    /// # Errors
    /// If the file can't be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        file.global_header(PcapLinkType::Ip);
        Ok(Self(file))
    }

    pub fn add(&mut self, packet: &[u8], now: Micros) {
        PcapSink::packet(&mut self.0, Instant::from_micros(now as i64), packet);
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn finish(mut self) -> io::Result<()> {
        Write::flush(&mut self.0)
    }
}
