//! RESP2 and RESP3, the protocol of Redis, for devices: without allocation,
//! without dependencies, and with a limit on everything.
//!
//! A server reads requests with a [`Decoder`] and answers with a
//! [`ReplyWriter`]; a client writes requests with [`client::encode`] and reads
//! replies with [`client::decode`]. Nothing here reads or writes a socket, and
//! all buffers are the caller's.
//!
//! ```
//! use sockeye_resp::{Args, Decoder, Limits, Protocol, ReplyWriter, limits};
//!
//! let mut rx = *b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING\r\n";
//! let mut tx = [0; 128];
//! let (mut decoder, mut args) = (Decoder::new(), Args::new());
//! let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
//!
//! while let Some(request) = decoder.decode(&mut rx, &mut args, &Limits::AUTHENTICATED)? {
//!     reply.begin(0).expect("a server sends what it has, then");
//!     match (request.name(), request.arg(1)) {
//!         (b"PING", None) => reply.simple("PONG"),
//!         (b"ECHO", Some(text)) => reply.bulk(text),
//!         _ => reply.error("ERR unknown command"),
//!     }
//! }
//! assert_eq!(reply.as_bytes(), b"$2\r\nhi\r\n+PONG\r\n");
//! # Ok::<(), sockeye_resp::ProtocolError>(())
//! ```
//!
//! # What it promises
//!
//! - A request is a flat list of byte strings, so there is no nesting to
//!   exhaust a stack. Replies nest, and are walked without recursion.
//! - A limit is checked when a length is announced, before its bytes are
//!   waited for.
//! - However small the pieces in which a request comes, the decoder goes on
//!   where it was. Only an unfinished header, at most
//!   [`HEADER_LEN_MAX`](limits::HEADER_LEN_MAX) bytes, is read again, and the
//!   headers of a request that came in pieces once more when it is whole.
//! - A reply is written whole or not at all; what doesn't fit becomes an error.
//! - Text from a client can't end a reply's line.
//! - HTTP, with which any web page can reach a device, never runs a command.
//! - Nothing panics on input, and there is no `unsafe`.
//!
//! Where Redis has words for an error, it is said in them. This differs from
//! Redis on purpose: line ends after counts and arguments must be CR LF, and
//! a NUL in an inline request is refused at once.
//!
//! # Layout
//!
//! | module | what it does |
//! |---|---|
//! | [`limits`] | every limit, and how they relate |
//! | `request` | [`Request`]: a name and arguments |
//! | `decoder` | [`Decoder`]: arrays of bulk strings, and its place in the buffer; [`Args`] |
//! | `inline` | lines as a person types them: words, quotes, escapes |
//! | `http` | [`http_method`]: telling a browser from a client |
//! | `error` | [`ProtocolError`]: what a request can get wrong |
//! | `reply` | [`ReplyWriter`]: replies, and what happens when they don't fit |
//! | `text` | [`Text`], [`Printable`]: text inside replies |
//! | `protocol` | [`Protocol`]: RESP2 or RESP3 |
//! | [`client`] | the other side: requests out, replies in |
//! | `buffer`, `number` | appending to a slice; decimal numbers |

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod buffer;
pub mod client;
mod decoder;
mod error;
mod http;
mod inline;
pub mod limits;
mod number;
mod protocol;
mod reply;
mod request;
mod text;

pub use decoder::{Args, Decoder};
pub use error::ProtocolError;
pub use http::{Http, http_method};
pub use limits::{Limits, METHOD_LEN_MAX};
pub use protocol::Protocol;
pub use reply::{FlushFirst, ReplyWriter};
pub use request::Request;
pub use text::{Printable, Text};
