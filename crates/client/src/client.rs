//! The client: sends requests, and receives their replies in order.

use edge_nal::Readable;
use embassy_time::{Duration, Instant, with_deadline, with_timeout};
use embedded_io_async::{Read, Write};
use sockeye_resp::{EncodeError, Reply, ReplyError, ReplySkip, decode_reply, decode_start, encode_request};

use crate::client_error::ClientError;
use crate::limits::{RX_LEN, TX_LEN};

/// The memory of a client.
///
/// A reply must fit into the `RX` bytes, and a request into the `TX` bytes; a longer one is an error. A longer reply is
/// passed over, and the connection goes on.
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

impl<T: Read + Write + Readable> Client<'_, T> {
    /// Waits until there is something that no request has asked for: a message, an error, or the end of the connection.
    /// [`receive`](Self::receive) then gives it at once. A call that is dropped loses nothing.
    ///
    /// # Errors
    /// The transport's error.
    pub async fn unasked(&mut self) -> Result<(), ClientError<T::Error>> {
        if self.rx_start < self.rx_len { Ok(()) } else { self.transport.readable().await.map_err(ClientError::Io) }
    }
}

impl<'b, T: Read + Write> Client<'b, T> {
    /// A client over a connection that is open. No call waits longer than `timeout` for its requests to go, nor for its
    /// reply to be complete.
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
        self.find(Some(self.deadline())).await?;
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
        self.flush().await?;
        let deadline = self.deadline();
        loop {
            match self.find(Some(deadline)).await {
                // A reply that nobody waits for, or a push.
                Err(ClientError::Reply(ReplyError::TooLong)) if self.owed > 0 && !self.is_cut => (),
                result => {
                    result?;
                    if self.owed == 0 && !matches!(self.last()?, Reply::Push(_)) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether the connection is of no more use.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// When a reply that is awaited from now on has to be complete.
    fn deadline(&self) -> Instant {
        Instant::now().checked_add(self.timeout).unwrap_or(Instant::MAX)
    }

    /// Waits until the next reply is complete, and makes it the [`last`](Self::last).
    async fn find(&mut self, deadline: Option<Instant>) -> Result<(), ClientError<T::Error>> {
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
                Ok(None) => self.read(deadline).await?,
                Err(ReplyError::TooLong) => return self.pass_over(deadline).await,
                Err(error) => {
                    // Where the next reply would start is unknown.
                    self.is_cut = true;
                    return Err(error.into());
                }
            }
        }
    }

    /// Passes over a reply that doesn't fit. The [`start`](Self::start) of the reply stays where it was received.
    ///
    /// # Errors
    /// [`ReplyError::TooLong`] once the reply is over, and the errors of [`read`](Self::read) before.
    async fn pass_over(&mut self, deadline: Option<Instant>) -> Result<(), ClientError<T::Error>> {
        // Until the reply is over: this future may be dropped on the way.
        self.is_cut = true;
        self.compact();
        let is_reply = self.rx.first() != Some(&b'>');
        let start_len = self.rx.len() / 4 * 3;
        let (mut skip, mut passed) = (ReplySkip::new(), 0);
        loop {
            let (len, is_over) = skip.pass(self.rx.get(passed..self.rx_len).unwrap_or_default())?;
            passed += len;
            if is_over {
                break;
            }
            if let (Some(gone), Some(rest)) =
                (passed.checked_sub(start_len), self.rx.get_mut(start_len..self.rx_len.max(start_len)))
            {
                rest.copy_within(gone.min(rest.len()).., 0);
                self.rx_len = self.rx_len.saturating_sub(gone);
                passed = start_len;
            }
            if self.rx_len >= self.rx.len() {
                // A line that doesn't fit.
                return Err(ReplyError::TooLong.into());
            }
            self.read(deadline).await?;
        }
        self.is_cut = false;
        self.owed = self.owed.saturating_sub(usize::from(is_reply));
        self.found = Found { start: 0, len: passed.min(start_len) };
        self.rx_start = passed;
        Err(ReplyError::TooLong.into())
    }

    /// Moves the bytes that are received and not yet given to the caller to the buffer's start.
    fn compact(&mut self) {
        if let Some(received) = self.rx.get_mut(..self.rx_len) {
            received.copy_within(self.rx_start.min(received.len()).., 0);
        }
        self.rx_len = self.rx_len.saturating_sub(self.rx_start);
        self.rx_start = 0;
    }

    /// Reads some bytes behind those that are there.
    async fn read(&mut self, deadline: Option<Instant>) -> Result<(), ClientError<T::Error>> {
        self.compact();
        // There is room: a reply that fills the buffer and isn't complete is passed over.
        let reading = self.transport.read(self.rx.get_mut(self.rx_len..).unwrap_or_default());
        let len = match deadline {
            Some(deadline) => with_deadline(deadline, reading).await.map_err(|_| ClientError::TimedOut)?,
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

    /// The values that the last reply starts with: all of an aggregate, or as many as had room.
    pub(crate) fn start(&self) -> impl Iterator<Item = Reply<'_>> {
        let Found { start, len } = self.found;
        decode_start(self.rx.get(start..start + len).unwrap_or_default())
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
