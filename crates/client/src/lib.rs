//! A small asynchronous client of Redis, Valkey and Sockeye devices: no allocation, buffers of the caller's, and a
//! limit on every wait.
//!
//! [`Client`] works over anything that reads and writes in [`embedded_io_async`]'s sense; [`connect`] makes one over
//! TCP, on every stack that has edge-nal's traits. Replies are decoded where they were received and borrowed from
//! there, so a reply lives until the next call.
//!
//! ```no_run
//! # use embassy_time as _;
//! use sockeye_client::{Client, ClientBuffers, ClientTimeouts, connect};
//!
//! # futures_lite::future::block_on(async {
//! let stack = edge_nal_std::Stack::new();
//! let mut buffers = ClientBuffers::new();
//! let socket = connect(&stack, ([192, 168, 1, 1], 3000).into(), ClientTimeouts::DEFAULT.connect).await?;
//! let mut client = Client::new(socket, &mut buffers, ClientTimeouts::DEFAULT.io);
//!
//! let celsius = client.get("lm35").await?;
//! assert_eq!(celsius, Some(&b"23.5"[..]));
//! client.set("led", "1").await?;
//!
//! // Several requests in one segment; the replies come in order.
//! client.send(&[b"GET", b"lm35"]).await?;
//! client.send(&[b"GET", b"uptime"]).await?;
//! let lm35 = client.receive().await?;
//! let uptime = client.receive().await?;
//! # Ok::<(), sockeye_client::ClientError<std::io::Error>>(())
//! # });
//! ```
//!
//! On a chip the stack is edge-nal-embassy's `Tcp`, and the rest is the same.
//!
//! # What it promises
//!
//! - No call waits longer for its peer than the time-out that it was given.
//! - Replies nest at most [`REPLY_DEPTH_MAX`](sockeye_resp::limits::REPLY_DEPTH_MAX) deep, and are no longer than the
//!   receive buffer; others end the connection, before their bytes are waited for.
//! - A call that is dropped before it is done does no harm: its reply is passed over when it comes, and where its
//!   request was cut off the next call says that the connection is closed.
//!
//! # Layout
//!
//! - [`Client`]: requests, pipelining, typed calls.
//! - [`Subscription`]: being told of what is published.
//! - `connect.rs`: [`connect`], [`ClientTimeouts`].
//! - [`Error`]: what can go wrong.
//! - [`limits`]: time-outs and sizes.

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod calls;
mod client;
mod client_error;
mod connect;
pub mod limits;
mod subscription;

pub use client::{Client, ClientBuffers};
pub use client_error::ClientError;
pub use connect::{ClientTimeouts, connect};
pub use sockeye_resp::{Elements, EncodeError, Protocol, Reply, ReplyError};
pub use subscription::{Message, Subscription};
