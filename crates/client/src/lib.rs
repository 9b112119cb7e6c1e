#![doc = include_str!("../README.md")]
//!
//! # Documents
//!
//! The Redis serialization protocol specification, RESP2 and RESP3, and Redis's documentation of the commands that the
//! typed calls send.
//!
//! # Layout
//!
//! - [`Client`]: requests, pipelining, typed calls.
//! - [`Subscription`]: receiving published messages.
//! - `connect.rs`: [`connect`], [`ClientTimeouts`].
//! - [`ClientError`]: the errors.
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
