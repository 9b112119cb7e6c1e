//! Calls of single commands, with their replies' types.

use embedded_io_async::{Read, Write};
use sockeye_resp::{Protocol, Reply, ReplyError};

use crate::client::Client;
use crate::client_error::ClientError;
use crate::limits::CHANNELS_MAX;
use crate::subscription::Subscription;

impl<'b, T: Read + Write> Client<'b, T> {
    /// Chooses the version of RESP, and logs in with the server's password, a device's token, if there is one.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `WRONGPASS`, or by a server that has no HELLO: Redis before version 6.
    pub async fn hello(&mut self, protocol: Protocol, token: Option<&[u8]>) -> Result<(), ClientError<T::Error>> {
        let version: &[u8] = match protocol {
            Protocol::Resp2 => b"2",
            Protocol::Resp3 => b"3",
        };
        match token {
            Some(token) => self.call(&[b"HELLO", version, b"AUTH", b"default", token]).await?,
            None => self.call(&[b"HELLO", version]).await?,
        };
        Ok(())
    }

    /// Logs in with the server's password, or a device's token.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if it is a wrong one, or the server has none.
    pub async fn auth(&mut self, token: &[u8]) -> Result<(), ClientError<T::Error>> {
        self.call(&[b"AUTH", token]).await?;
        Ok(())
    }

    /// Asks whether the server answers.
    ///
    /// # Errors
    /// See [`ClientError`](crate::ClientError).
    pub async fn ping(&mut self) -> Result<(), ClientError<T::Error>> {
        self.call(&[b"PING"]).await?;
        Ok(())
    }

    /// The value of a key; none if it has none.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the key isn't a string.
    pub async fn get(&mut self, key: &str) -> Result<Option<&[u8]>, ClientError<T::Error>> {
        match self.call(&[b"GET", key.as_bytes()]).await? {
            Reply::Bulk(value) => Ok(Some(value)),
            Reply::Null => Ok(None),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Sets a key, which on a device is an output.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the server doesn't take the value.
    pub async fn set(&mut self, key: &str, value: &str) -> Result<(), ClientError<T::Error>> {
        self.call(&[b"SET", key.as_bytes(), value.as_bytes()]).await?;
        Ok(())
    }

    /// Adds an entry of one field to a stream, and gives its ID, which `*` for `id` leaves to the server.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the ID isn't greater than the stream's last.
    pub async fn xadd(
        &mut self,
        key: &str,
        id: &str,
        (field, value): (&str, &str),
    ) -> Result<&[u8], ClientError<T::Error>> {
        let args = [key, id, field, value].map(str::as_bytes);
        match self.call(&[b"XADD", args[0], args[1], args[2], args[3]]).await? {
            Reply::Bulk(id) => Ok(id),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// The last ID that a stream has had, also if that entry is gone; none if there is no such stream.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the key isn't a stream.
    pub async fn stream_last_id(&mut self, key: &str) -> Result<Option<&[u8]>, ClientError<T::Error>> {
        match self.call(&[b"XINFO", b"STREAM", key.as_bytes()]).await.map(drop) {
            Ok(()) => (),
            // The reply has entries of any length, and servers add fields to its end.
            Err(ClientError::Reply(ReplyError::TooLong)) if !self.is_cut() => (),
            Err(ClientError::Refused) if self.refusal() == b"ERR no such key" => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut fields = self.start();
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            // Redis 5 has the names as statuses.
            if let (Reply::Bulk(b"last-generated-id") | Reply::Simple(b"last-generated-id"), Reply::Bulk(id)) =
                (name, value)
            {
                return Ok(Some(id));
            }
        }
        Err(ClientError::Unexpected)
    }

    /// Subscribes to channels, on a device the names of readings. The connection is for their messages from then on.
    ///
    /// # Errors
    /// [`ClientError::Unexpected`] if there are more than [`CHANNELS_MAX`](crate::limits::CHANNELS_MAX), or none.
    pub async fn subscribe(mut self, channels: &[&str]) -> Result<Subscription<'b, T>, ClientError<T::Error>> {
        let mut args: [&[u8]; CHANNELS_MAX + 1] = [b"SUBSCRIBE"; CHANNELS_MAX + 1];
        let room = args.get_mut(1..=channels.len()).filter(|room| !room.is_empty()).ok_or(ClientError::Unexpected)?;
        for (arg, channel) in room.iter_mut().zip(channels) {
            *arg = channel.as_bytes();
        }
        self.send(&args[..=channels.len()]).await?;
        let mut confirmed = 0;
        while confirmed < channels.len() {
            match self.receive().await? {
                Reply::Error(_) => return Err(ClientError::Refused),
                Reply::Array(reply) | Reply::Push(reply) if reply.iter().next() == Some(Reply::Bulk(b"subscribe")) => {
                    confirmed += 1;
                }
                _ => return Err(ClientError::Unexpected),
            }
        }
        Ok(Subscription::new(self))
    }
}
