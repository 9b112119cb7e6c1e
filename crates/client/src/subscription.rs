//! Receiving published messages.

use embedded_io_async::{Read, Write};
use sockeye_resp::Reply;

use crate::client::Client;
use crate::client_error::ClientError;

/// A connection whose server sends messages, made by [`Client::subscribe`].
pub struct Subscription<'b, T> {
    client: Client<'b, T>,
}

/// A published message: on a device, a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Where it was published: on a device, the reading.
    pub channel: &'a [u8],
    /// The message itself: on a device, the value.
    pub payload: &'a [u8],
}

impl<'b, T: Read + Write> Subscription<'b, T> {
    pub(crate) fn new(client: Client<'b, T>) -> Self {
        Self { client }
    }

    /// Waits for the next message, for as long as that takes: a silent server is no error. Put a time-out around this
    /// call to notice a server that is gone; a call that is dropped loses no message.
    ///
    /// # Errors
    /// See [`ClientError`](crate::ClientError).
    pub async fn next(&mut self) -> Result<Message<'_>, ClientError<T::Error>> {
        match self.client.receive_message().await? {
            Reply::Array(message) | Reply::Push(message) => {
                let mut parts = message.iter();
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(Reply::Bulk(b"message")), Some(Reply::Bulk(channel)), Some(Reply::Bulk(payload))) => {
                        Ok(Message { channel, payload })
                    }
                    _ => Err(ClientError::Unexpected),
                }
            }
            _ => Err(ClientError::Unexpected),
        }
    }

    /// The connection itself, to close it for instance.
    pub fn into_transport(self) -> T {
        self.client.into_transport()
    }
}
