//! Linux's end of a transfer: ordinary sockets of the kernel.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use crate::plan::End;
use crate::transfer::{OFFSET_LEN, PORT, Transfer};

/// Bytes of one read or write.
const CHUNK: usize = 16_384;
/// How often somebody looks whether the transfer is over.
const POLL: Duration = Duration::from_millis(5);
/// A socket that has heard nothing for so long is given up: the device would have asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(60);
/// The port of the first connection that Linux opens.
pub const FIRST_PORT: u16 = 40_000;

/// Runs Linux's end until the transfer is over, or has failed.
pub fn run(transfer: &Arc<Transfer>) -> Result<()> {
    let result = match transfer.plan.opener {
        End::Linux => open(transfer),
        End::Device => accept(transfer),
    };
    if let Err(error) = &result {
        transfer.fail(format!("Linux: {error:#}"));
    }
    result
}

/// Opens connections until one was complete.
fn open(transfer: &Arc<Transfer>) -> Result<()> {
    let mut port = FIRST_PORT;
    while !transfer.is_over() {
        let result = connect(transfer, port).and_then(|stream| exchange(&stream, transfer));
        transfer.end(End::Linux, result)?;
        if transfer.has_ended_well(End::Linux) {
            return Ok(());
        }
        // From now on any port.
        port = 0;
        thread::sleep(POLL);
    }
    Ok(())
}

fn connect(transfer: &Transfer, port: u16) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddrV4::new(transfer.linux, port).into())?;
    let device: SocketAddr = (transfer.device, PORT).into();
    socket.connect(&device.into()).context("connect")?;
    Ok(socket.into())
}

/// Listens, and serves each connection in a thread of its own: one may be left over that the device has given up.
fn accept(transfer: &Arc<Transfer>) -> Result<()> {
    let listener = TcpListener::bind((transfer.linux, PORT)).context("listen")?;
    listener.set_nonblocking(true)?;
    transfer.set_listening();
    while !transfer.is_over() {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                let transfer = transfer.clone();
                thread::spawn(move || {
                    let result = exchange(&stream, &transfer);
                    // A byte that is wrong fails the transfer.
                    let _ = transfer.end(End::Linux, result);
                });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(POLL),
            Err(error) => return Err(error).context("accept"),
        }
    }
    Ok(())
}

/// One connection, to the end of both directions.
fn exchange(mut stream: &TcpStream, transfer: &Transfer) -> Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let content = &transfer.plan.content;
    let mut bytes = vec![0; CHUNK];
    if transfer.plan.sender == End::Linux {
        let mut offset = [0; OFFSET_LEN];
        stream.read_exact(&mut offset).context("read the offset")?;
        let mut at = u64::from_be_bytes(offset);
        while at < content.len {
            let len = bytes.len().min((content.len - at) as usize);
            content.fill(at, &mut bytes[..len]);
            transfer.sender.send(at, &bytes[..len]);
            stream.write_all(&bytes[..len]).context("write")?;
            at += len as u64;
        }
        stream.shutdown(Shutdown::Write)?;
        let len = stream.read(&mut bytes).context("read the end")?;
        ensure!(len == 0, "{len} bytes that nobody has sent");
        return Ok(());
    }
    let (connection, offset) = transfer.receiver.begin();
    stream.write_all(&offset.to_be_bytes()).context("write the offset")?;
    loop {
        let len = stream.read(&mut bytes).context("read")?;
        if len == 0 {
            break;
        }
        transfer.receiver.take(connection, content, &bytes[..len])?;
    }
    transfer.check_complete()?;
    stream.shutdown(Shutdown::Write).context("close")
}

/// States of `/proc/net/tcp` in which a connection is over for Linux: TIME-WAIT and CLOSED.
const OVER: [&str; 2] = ["06", "07"];

/// How many connections between Linux and the device are not over, as the kernel tells it.
pub fn connections_left(device: Ipv4Addr) -> Result<usize> {
    let table = fs::read_to_string("/proc/net/tcp").context("read /proc/net/tcp")?;
    Ok(left(&table, device))
}

fn left(table: &str, device: Ipv4Addr) -> usize {
    let device = format!("{:08X}:", u32::from_ne_bytes(device.octets()));
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().skip(2));
    let is_left = |mut row: std::iter::Skip<std::str::SplitWhitespace<'_>>| {
        row.next().is_some_and(|remote| remote.starts_with(&device))
            && row.next().is_some_and(|state| !OVER.contains(&state))
    };
    rows.filter_map(|row| is_left(row).then_some(())).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_are_left_are_counted() {
        let table = "  sl  local_address rem_address   st\n\
             0: 0200010A:0BB8 00000000:0000 0A 0\n\
             1: 0200010A:9C40 0F00010A:0BB8 01 0\n\
             2: 0200010A:9C41 0F00010A:0BB8 06 0\n\
             3: 0200010A:9C42 1000010A:0BB8 04 0\n";
        let device = Ipv4Addr::from(0x0F00_010Au32.to_ne_bytes());
        assert_eq!(left(table, device), 1);
    }
}
