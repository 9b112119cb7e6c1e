//! The client: sends requests, and receives their replies in order.

use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, Write};
use sockeye_resp::{EncodeError, Reply, decode_reply, encode_request};

use crate::client_error::ClientError;
use crate::limits::{RX_LEN, TX_LEN};

/// The memory of a client.
///
/// A reply must fit into the `RX` bytes, and a request into the `TX` bytes; a longer one is an error.
#[derive(Debug)]
pub struct ClientBuffers<const RX: usize = RX_LEN, const TX: usize = TX_LEN> {
    rx: [u8; RX],
    tx: [u8; TX],
}

impl ClientBuffers {
    /// Buffers of the sizes that all typed calls fit into.
    pub const fn new() -> Self {
        Self::sized()
    }
}

impl<const RX: usize, const TX: usize> ClientBuffers<RX, TX> {
    /// Buffers of other sizes.
    pub const fn sized() -> Self {
        Self { rx: [0; RX], tx: [0; TX] }
    }
}

impl<const RX: usize, const TX: usize> Default for ClientBuffers<RX, TX> {
    fn default() -> Self {
        Self::sized()
    }
}

/// A connection to a server, and the requests and replies that are on their way.
pub struct Client<'b, T> {
    transport: T,
    timeout: Duration,
    rx: &'b mut [u8],
    /// Where the bytes start that are received and not yet given to the caller.
    rx_start: usize,
    rx_len: usize,
    tx: &'b mut [u8],
    tx_len: usize,
    /// Replies that are yet to come.
    owed: usize,
    /// A part of a request was sent, and the rest never will be.
    is_cut: bool,
    /// The last reply.
    found: Found,
}

impl<'b, T: Read + Write> Client<'b, T> {
    /// A client over a connection that is open, which waits no longer than `timeout` for bytes to go or to come.
    pub fn new<const RX: usize, const TX: usize>(
        transport: T,
        buffers: &'b mut ClientBuffers<RX, TX>,
        timeout: Duration,
    ) -> Self {
        let ClientBuffers { rx, tx } = buffers;
        Self {
            transport,
            timeout,
            rx,
            rx_start: 0,
            rx_len: 0,
            tx,
            tx_len: 0,
            owed: 0,
            is_cut: false,
            found: Found::NOTHING,
        }
    }

    /// The connection itself, to close it for instance.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// The connection itself, to close it for instance. Reading from it or writing to it breaks the client.
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Replies that are yet to come.
    pub fn owed(&self) -> usize {
        self.owed
    }

    /// Sends a request and waits for its reply. Replies that nobody waited for, and pushes, are passed over.
    ///
    /// # Errors
    /// See [`ClientError`](crate::ClientError). An error of the server is no error here, but a [`Reply::Error`].
    pub async fn request(&mut self, args: &[&[u8]]) -> Result<Reply<'_>, ClientError<T::Error>> {
        self.answer(args).await?;
        self.last()
    }

    /// Queues a request behind those that wait to be sent. Queued requests leave together: when the buffer is full,
    /// with [`flush`](Self::flush), or before a reply is awaited.
    ///
    /// A server may stop reading while its replies are not read. So don't queue more requests than both sides' buffers
    /// hold, replies included.
    ///
    /// # Errors
    /// [`ClientError::Request`] if the request is longer than the buffer, and the errors of [`flush`](Self::flush).
    pub async fn send(&mut self, args: &[&[u8]]) -> Result<(), ClientError<T::Error>> {
        let len = match encode_request(args, self.tx.get_mut(self.tx_len..).unwrap_or_default()) {
            Err(EncodeError::TooLong) if self.tx_len > 0 => {
                self.flush().await?;
                encode_request(args, self.tx)?
            }
            result => result?,
        };
        self.tx_len += len;
        self.owed += 1;
        Ok(())
    }

    /// Sends all queued requests.
    ///
    /// # Errors
    /// The transport's error, or [`ClientError::TimedOut`].
    pub async fn flush(&mut self) -> Result<(), ClientError<T::Error>> {
        if self.is_cut {
            return Err(ClientError::Closed);
        }
        if self.tx_len > 0 {
            // Until all of it is written: this future may be dropped on the way.
            self.is_cut = true;
            let writing = self.transport.write_all(self.tx.get(..self.tx_len).unwrap_or_default());
            with_timeout(self.timeout, writing).await.map_err(|_| ClientError::TimedOut)?.map_err(ClientError::Io)?;
            self.is_cut = false;
            self.tx_len = 0;
        }
        Ok(())
    }

    /// Waits for the next reply or the next push, whichever comes first.
    ///
    /// # Errors
    /// See [`ClientError`](crate::ClientError). An error of the server is no error here, but a [`Reply::Error`].
    pub async fn receive(&mut self) -> Result<Reply<'_>, ClientError<T::Error>> {
        self.find(Some(self.timeout)).await?;
        self.last()
    }

    /// [`receive`](Self::receive) without a time-out.
    pub(crate) async fn receive_message(&mut self) -> Result<Reply<'_>, ClientError<T::Error>> {
        self.find(None).await?;
        self.last()
    }

    /// The text of the last reply if that was an error, such as `ERR unknown command`: why a call was
    /// [refused](ClientError::Refused). Empty otherwise.
    pub fn refusal(&self) -> &[u8] {
        match self.last() {
            Ok(Reply::Error(text)) => text,
            _ => b"",
        }
    }

    /// Sends a request, and returns its reply unless the reply is an error.
    pub(crate) async fn call(&mut self, args: &[&[u8]]) -> Result<Reply<'_>, ClientError<T::Error>> {
        self.answer(args).await?;
        match self.last()? {
            Reply::Error(_) => Err(ClientError::Refused),
            reply => Ok(reply),
        }
    }

    /// Sends a request, and finds its reply behind those that are owed and the pushes that come between.
    async fn answer(&mut self, args: &[&[u8]]) -> Result<(), ClientError<T::Error>> {
        self.send(args).await?;
        loop {
            self.find(Some(self.timeout)).await?;
            if self.owed == 0 && !matches!(self.last()?, Reply::Push(_)) {
                return Ok(());
            }
        }
    }

    /// Waits until the next reply is complete, and makes it the [`last`](Self::last).
    async fn find(&mut self, timeout: Option<Duration>) -> Result<(), ClientError<T::Error>> {
        self.found = Found::NOTHING;
        self.flush().await?;
        loop {
            match decode_reply(self.rx.get(self.rx_start..self.rx_len).unwrap_or_default(), self.rx.len()) {
                Ok(Some((reply, len))) => {
                    let is_reply = !matches!(reply, Reply::Push(_));
                    self.owed = self.owed.saturating_sub(usize::from(is_reply));
                    self.found = Found { start: self.rx_start, len };
                    self.rx_start += len;
                    return Ok(());
                }
                Ok(None) => self.read(timeout).await?,
                Err(error) => {
                    // Where the next reply would start is unknown.
                    self.is_cut = true;
                    return Err(error.into());
                }
            }
        }
    }

    /// Reads some bytes behind those that are there.
    async fn read(&mut self, timeout: Option<Duration>) -> Result<(), ClientError<T::Error>> {
        if let Some(received) = self.rx.get_mut(..self.rx_len) {
            received.copy_within(self.rx_start.min(received.len()).., 0);
        }
        self.rx_len = self.rx_len.saturating_sub(self.rx_start);
        self.rx_start = 0;
        // There is room: a reply that fills the buffer and isn't complete was refused.
        let reading = self.transport.read(self.rx.get_mut(self.rx_len..).unwrap_or_default());
        let len = match timeout {
            Some(timeout) => with_timeout(timeout, reading).await.map_err(|_| ClientError::TimedOut)?,
            None => reading.await,
        };
        match len.map_err(ClientError::Io)? {
            0 => Err(ClientError::Closed),
            len => {
                self.rx_len += len;
                Ok(())
            }
        }
    }

    /// The reply that was found last, which is still where it was received.
    pub(crate) fn last(&self) -> Result<Reply<'_>, ClientError<T::Error>> {
        let Found { start, len } = self.found;
        let (reply, _) =
            decode_reply(self.rx.get(start..start + len).unwrap_or_default(), len)?.ok_or(ClientError::Unexpected)?;
        Ok(reply)
    }
}

/// A reply that is complete, in the receive buffer.
#[derive(Clone, Copy)]
struct Found {
    start: usize,
    len: usize,
}

impl Found {
    const NOTHING: Self = Self { start: 0, len: 0 };
}

#[cfg(test)]
mod tests;
