//! The tap device as a driver: frames are read into one buffer and written from another, and nothing waits but the
//! program's only thread.

use core::cell::Cell;
use core::task::{Context, Waker};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use embassy_net::driver::{self, Capabilities, Driver, HardwareAddress, LinkState};
use embassy_net_tuntap::TunTap;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Bytes of an Ethernet frame without its check sequence.
const FRAME_LEN: usize = 1514;
/// The longest time for which timers aren't looked at. The listener's resolution is 50 ms.
const WAIT_MAX: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// Waits for frames.
pub struct Readable {
    device: OwnedFd,
    /// The task that wants the next one.
    waker: Cell<Option<Waker>>,
}

impl Readable {
    /// Waits for a frame and wakes who reads it, or until it is time to look at timers.
    pub fn wait(&self) -> io::Result<()> {
        let mut waited = [PollFd::new(&self.device, PollFlags::IN)];
        if poll(&mut waited, Some(&WAIT_MAX))? > 0
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
        Ok(())
    }
}

/// The device.
pub struct Tap {
    device: TunTap,
    readable: &'static Readable,
    mac: [u8; 6],
    received: [u8; FRAME_LEN],
    sent: [u8; FRAME_LEN],
}

impl Tap {
    /// Opens the device of this name, and what waits for it.
    pub fn open(name: &str, mac: [u8; 6]) -> io::Result<(Self, &'static Readable)> {
        let device = TunTap::new(name)?;
        let readable = Readable { device: device.as_fd().try_clone_to_owned()?, waker: Cell::new(None) };
        let readable: &'static Readable = Box::leak(Box::new(readable));
        Ok((Self { device, readable, mac, received: [0; FRAME_LEN], sent: [0; FRAME_LEN] }, readable))
    }
}

impl Driver for Tap {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        match self.device.read(&mut self.received) {
            Ok(len) => {
                let Self { device, received, sent, .. } = self;
                Some((RxToken(&mut received[..len]), TxToken { device, frame: sent }))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable.waker.set(Some(cx.waker().clone()));
                None
            }
            Err(error) => panic!("read from the tap device: {error}"),
        }
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<TxToken<'_>> {
        Some(TxToken { device: &mut self.device, frame: &mut self.sent })
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME_LEN;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.mac)
    }
}

/// A frame that came in.
pub struct RxToken<'a>(&'a mut [u8]);

impl driver::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame that goes out.
pub struct TxToken<'a> {
    device: &'a mut TunTap,
    frame: &'a mut [u8; FRAME_LEN],
}

impl driver::TxToken for TxToken<'_> {
    /// A frame that the kernel has no room for is lost, as on the air.
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let result = f(&mut self.frame[..len]);
        match self.device.write(&self.frame[..len]) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("write to the tap device: {error}"),
            _ => result,
        }
    }
}
