//! The device's end of a transfer, on Sockeye's TCP or on embassy-net's.

mod bar;
mod own;

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use anyhow::{Result, anyhow, ensure};
use embassy_time::{Duration, Timer};
use embedded_io_async::{Read, Write};

use crate::link::Link;
use crate::plan::{BUFFERS, End};
use crate::transfer::{OFFSET_LEN, Transfer};

/// The TCP of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    Sockeye,
    EmbassyNet,
}

impl Stack {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sockeye => "sockeye",
            Self::EmbassyNet => "embassy-net",
        }
    }
}

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 15];
/// The time between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes of one read or write.
const CHUNK: usize = 1_000;
/// Connections that the device can accept at once: one may be left over that Linux has given up.
const ACCEPTED_MAX: usize = 2;

/// Runs the device for ever.
pub async fn run(stack: Stack, link: Link, transfer: Arc<Transfer>) -> Infallible {
    const SMALL: usize = BUFFERS[0];
    const LARGE: usize = BUFFERS[1];
    match (stack, transfer.plan.buffer_len) {
        (Stack::Sockeye, SMALL) => own::run::<SMALL>(link, transfer).await,
        (Stack::Sockeye, _) => own::run::<LARGE>(link, transfer).await,
        (Stack::EmbassyNet, _) => bar::run(link, transfer).await,
    }
}

/// A connection of the device.
trait Socket: Read + Write {
    /// Sends FIN behind all that is written, and waits until Linux has acknowledged it.
    async fn close_write(&mut self) -> Result<(), Self::Error>;
}

/// Opens connections until one was complete.
async fn open<F: Future<Output = Result<()>>>(transfer: &Transfer, connect: impl Fn() -> F) {
    while !transfer.has_ended_well(End::Device) {
        if transfer.end(End::Device, connect().await).is_err() {
            return;
        }
        Timer::after(PAUSE).await;
    }
}

fn io<T>(what: &'static str, result: Result<T, impl Debug>) -> Result<T> {
    result.map_err(|error| anyhow!("{what}: {error:?}"))
}

/// One connection, to the end of both directions.
async fn exchange<S: Socket>(socket: &mut S, transfer: &Transfer) -> Result<()> {
    let content = &transfer.plan.content;
    let mut bytes = [0; CHUNK];
    if transfer.plan.sender == End::Device {
        let mut offset = [0; OFFSET_LEN];
        let mut len = 0;
        while len < OFFSET_LEN {
            let more = io("read the offset", socket.read(&mut offset[len..]).await)?;
            ensure!(more > 0, "the end came before the offset");
            len += more;
        }
        let mut at = u64::from_be_bytes(offset);
        while at < content.len {
            let len = bytes.len().min((content.len - at) as usize);
            content.fill(at, &mut bytes[..len]);
            transfer.sender.send(at, &bytes[..len]);
            io("write", socket.write_all(&bytes[..len]).await)?;
            at += len as u64;
        }
        io("close", socket.close_write().await)?;
        let len = io("read the end", socket.read(&mut bytes).await)?;
        ensure!(len == 0, "{len} bytes that nobody has sent");
        return Ok(());
    }
    let (connection, offset) = transfer.receiver.begin();
    io("write the offset", socket.write_all(&offset.to_be_bytes()).await)?;
    loop {
        let len = io("read", socket.read(&mut bytes).await)?;
        if len == 0 {
            break;
        }
        transfer.receiver.take(connection, content, &bytes[..len])?;
    }
    transfer.check_complete()?;
    io("close", socket.close_write().await)
}
