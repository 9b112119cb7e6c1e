//! Whole Ethernet frames to and from an interface.

use std::io::{self, Read, Write};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, SockaddrLike, bind, socket};
use socket2::Socket;

/// The longest frame that Ethernet carries, without its checksum.
pub const FRAME_LEN_MAX: usize = 1_514;

/// An interface, opened for raw frames (`AF_PACKET`).
pub struct RawLink {
    socket: Socket,
}

impl RawLink {
    /// Opens the interface called `name`; needs the right to use raw sockets.
    pub fn open(name: &str) -> Result<Self> {
        let address = link_address(name)?;
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)
            .context("opening a raw socket")?;
        bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &address).with_context(|| format!("binding to {name}"))?;
        let socket = Socket::from(socket);
        // A kernel that cannot take a frame at once is waited for only so long.
        socket.set_write_timeout(Some(Duration::from_secs(1)))?;
        Ok(Self { socket })
    }

    pub fn send(&self, frame: &[u8]) -> Result<()> {
        (&self.socket).write_all(frame).with_context(|| format!("sending a frame of {} bytes", frame.len()))
    }

    /// The next frame that passes the interface, if one does within `limit`.
    pub fn receive(&self, limit: Duration) -> Result<Option<Vec<u8>>> {
        // Zero would mean no time limit at all.
        let limit = limit.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(limit))?;
        let mut frame = vec![0; FRAME_LEN_MAX];
        match (&self.socket).read(&mut frame) {
            Ok(len) => {
                frame.truncate(len);
                Ok(Some(frame))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error).context("receiving a frame"),
        }
    }
}

fn link_address(name: &str) -> Result<LinkAddr> {
    getifaddrs()
        .context("listing interfaces")?
        .filter(|interface| interface.interface_name == name)
        .filter_map(|interface| interface.address)
        .find(|address| address.family() == Some(AddressFamily::Packet))
        .and_then(|address| address.as_link_addr().copied())
        .with_context(|| format!("no interface {name}"))
}
