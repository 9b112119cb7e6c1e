//! The exchanges that are measured, the same for every server. The first byte of a request says how long the request
//! is, what the reply is, and who closes.
#![no_std]

use embedded_io_async::{Read, Write};

/// Bytes of a short request.
const REQUEST_LEN: usize = 16;
const REPLY: &[u8; 13] = b"Hello, world\n";
static BLOCK: [u8; 1000] = [b'x'; 1000];

/// One exchange.
#[derive(Clone, Copy)]
pub struct Exchange {
    /// Bytes of the request, the first included.
    pub request_len: usize,
    /// The answer to it.
    pub reply: &'static [u8],
    /// Whether the server closes after it.
    pub closes: bool,
}

impl Exchange {
    /// The exchange of a request that begins with this byte.
    pub const fn begun_by(first: u8) -> Self {
        let (request_len, reply, closes): (_, &'static [u8], _) = match first {
            b'I' => (BLOCK.len(), REPLY, false),
            b'O' => (REQUEST_LEN, &BLOCK, false),
            b'H' => (REQUEST_LEN, b"Hello World", true),
            _ => (REQUEST_LEN, REPLY, false),
        };
        Self { request_len, reply, closes }
    }
}

/// The bytes of a request so far.
#[derive(Default)]
pub struct Progress {
    left: usize,
    exchange: Option<Exchange>,
}

impl Progress {
    /// Takes bytes from the front of `received` up to the end of a request, and returns what it asks for.
    pub fn take(&mut self, received: &mut &[u8]) -> Option<Exchange> {
        let first = *received.first()?;
        let exchange = *self.exchange.get_or_insert_with(|| {
            let exchange = Exchange::begun_by(first);
            self.left = exchange.request_len;
            exchange
        });
        let taken = self.left.min(received.len());
        *received = &received[taken..];
        self.left -= taken;
        if self.left > 0 {
            return None;
        }
        self.exchange = None;
        Some(exchange)
    }
}

/// Bytes that are read at once.
const READ_LEN: usize = 128;

/// Answers a client's requests until the client closes, or until the exchange says that the server closes.
pub async fn answer<S: Read + Write>(client: &mut S) -> Result<(), S::Error> {
    let mut buf = [0; READ_LEN];
    let mut progress = Progress::default();
    loop {
        let len = client.read(&mut buf).await?;
        if len == 0 {
            return Ok(());
        }
        let mut received = &buf[..len];
        while let Some(exchange) = progress.take(&mut received) {
            client.write_all(exchange.reply).await?;
            if exchange.closes {
                return Ok(());
            }
        }
    }
}
