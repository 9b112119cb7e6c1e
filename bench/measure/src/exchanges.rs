//! The exchanges whose cost is measured, from the client's side.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};

use crate::guest::Guest;

/// One request and its reply.
#[derive(Clone, Copy)]
pub struct Exchange {
    /// The bytes that the client sends.
    pub request: &'static [u8],
    /// How the reply begins.
    pub reply: &'static [u8],
    /// How long it is.
    pub reply_len: usize,
}

impl Exchange {
    const fn new(request: &'static [u8], reply: &'static [u8], reply_len: usize) -> Self {
        Self { request, reply, reply_len }
    }

    /// Sends the request and reads the reply.
    pub fn run(&self, client: &mut TcpStream) -> Result<()> {
        client.write_all(self.request)?;
        let mut reply = [0; 1024];
        let reply = &mut reply[..self.reply_len];
        client.read_exact(reply).context("read the guest's reply")?;
        ensure!(reply.starts_with(self.reply), "a wrong reply: {}", reply.escape_ascii());
        Ok(())
    }

    /// The same with a server that closes then.
    pub fn run_until_closed(&self, client: &mut TcpStream) -> Result<()> {
        self.run(client)?;
        ensure!(client.read(&mut [0])? == 0, "more than the reply");
        Ok(())
    }
}

/// 16 bytes in, 13 bytes out: what all servers are compared by.
pub const SHORT: Exchange = Exchange::new(b"GET temp 000001\n", b"Hello, world\n", 13);
/// 1,000 bytes in, 13 out.
pub const IN: Exchange = Exchange::new(&[b'I'; 1000], b"Hello, world\n", 13);
/// 16 bytes in, 1,000 out.
pub const OUT: Exchange = Exchange::new(b"OUT temp 000001\n", &[b'x'; 1000], 1000);
/// The classic: 16 bytes in, 11 out, and the server closes.
pub const HELLO: Exchange = Exchange::new(b"HEY temp 000001\n", b"Hello World", 11);

/// A reading by an inline request, 10 bytes in and 10 out.
pub const GET_INLINE: Exchange = Exchange::new(b"GET lm35\r\n", b"$4\r\n", 10);
/// The same by an array, as client libraries send it: 23 bytes in.
pub const GET_ARRAY: Exchange = Exchange::new(b"*2\r\n$3\r\nGET\r\n$4\r\nlm35\r\n", b"$4\r\n", 10);
/// Eight readings at once. The board has three, so names repeat.
pub const MGET: Exchange = Exchange::new(
    b"*9\r\n$4\r\nMGET\r\n$4\r\nlm35\r\n$4\r\nlm35\r\n$4\r\nlm35\r\n$4\r\nlm35\r\n\
      $4\r\nlm35\r\n$4\r\nlm35\r\n$4\r\nlm35\r\n$4\r\nlm35\r\n",
    b"*8\r\n$4\r\n",
    84,
);
/// An output, which the board applies.
pub const SET: Exchange = Exchange::new(b"*3\r\n$3\r\nSET\r\n$3\r\nled\r\n$1\r\n1\r\n", b"+OK\r\n", 5);

/// The settings of the factory. No other request has the device use more of its stack.
pub const RESET: Exchange = Exchange::new(b"CONFIG FACTORYRESET\r\n", b"+OK\r\n", 5);

/// Exchanges of one measurement, and connections.
const EXCHANGES: usize = 500;
const CYCLES: u64 = 300;
/// Measurements of which the median counts: a frame that comes in while another is worked on saves a wake-up.
const RUNS: usize = 5;

/// Instructions of one exchange on connections that stay open, used in turn.
pub fn kept_open(guest: &mut Guest<'_>, exchange: &Exchange, connections: usize) -> Result<u64> {
    median(|| {
        let mut clients = (0..connections).map(|_| Guest::connect()).collect::<Result<Vec<_>>>()?;
        for client in &mut clients {
            exchange.run(client)?;
        }
        // As often on each connection as on any other.
        let rounds = EXCHANGES.div_ceil(connections);
        let work = || (0..rounds).try_for_each(|_| clients.iter_mut().try_for_each(|client| exchange.run(client)));
        Ok(guest.instructions(work)? / (rounds * connections) as u64)
    })
}

/// Instructions of a connection: connect, one exchange, close by the client.
pub fn cycle(guest: &mut Guest<'_>, exchange: &Exchange) -> Result<u64> {
    cycles(guest, || exchange.run(&mut Guest::connect()?))
}

/// Instructions of a connection that the server closes after one exchange, as the client then does.
pub fn closed_by_server(guest: &mut Guest<'_>, exchange: &Exchange) -> Result<u64> {
    cycles(guest, || exchange.run_until_closed(&mut Guest::connect()?))
}

fn cycles(guest: &mut Guest<'_>, cycle: impl Fn() -> Result<()>) -> Result<u64> {
    median(|| {
        // The first asks for the guest's hardware address.
        cycle()?;
        Ok(guest.instructions(|| (0..CYCLES).try_for_each(|_| cycle()))? / CYCLES)
    })
}

/// The median of some measurements.
pub fn median(mut measure: impl FnMut() -> Result<u64>) -> Result<u64> {
    let mut runs = (0..RUNS).map(|_| measure()).collect::<Result<Vec<_>>>()?;
    runs.sort_unstable();
    Ok(runs[RUNS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_long_as_their_names_say() {
        for (exchange, len) in [(SHORT, 16), (IN, 1000), (OUT, 16), (HELLO, 16), (GET_INLINE, 10), (GET_ARRAY, 23)] {
            assert_eq!(exchange.request.len(), len);
        }
        assert_eq!(MGET.reply_len, 4 + 8 * GET_ARRAY.reply_len);
    }
}
