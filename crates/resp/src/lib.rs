#![doc = include_str!("../README.md")]
//!
//! # Documents
//!
//! - The Redis serialization protocol specification, RESP2 and RESP3, with the
//!   limits and error texts of Redis 7's `networking.c` and `sds.c`.
//! - RFC 854: Telnet, as far as terminals send it in inline requests.
//! - RFC 9112 sections 2.3, 3 and 5: HTTP/1.1's version, request line and header fields, to recognise a browser and its
//!   request.
//!
//! # What it promises
//!
//! - A request is a flat list of byte strings, so there is no nesting to
//!   exhaust a stack. Replies nest, and are walked without recursion.
//! - A limit is checked when a length is announced, before its bytes are
//!   waited for.
//! - The decoder resumes where it was, however small the pieces in which a request arrives. Its first piece may be read
//!   twice. Of the rest only an unfinished header, at most [`HEADER_LEN_MAX`](limits::HEADER_LEN_MAX) bytes, is read
//!   again. The headers of a request that came in pieces are read once more when the request is whole.
//! - A reply is written whole or not at all; a reply that doesn't fit becomes an error.
//! - Text from a client can't end a reply's line.
//! - HTTP, with which any web page can reach a device, never runs a command.
//! - Nothing panics on input, and there is no `unsafe`.
//!
//! Error texts are those of Redis where Redis has the error. Three things differ from Redis on purpose:
//!
//! - Line ends after counts and arguments must be CR LF.
//! - An inline request may also end with CR NUL, and any other NUL is refused at once.
//! - Telnet commands and a byte order mark in front of an inline request are passed over.
//!
//! # Layout
//!
//! | module | what it has |
//! |---|---|
//! | [`limits`] | every limit, and how the limits relate |
//! | `decoder` | [`Decoder`]: requests out of a receive buffer; [`Args`]: where the arguments are |
//! | `whole_request` | requests that have arrived whole, in one pass |
//! | `request` | [`Request`]: a command's name and its arguments |
//! | `inline` | inline requests: words, quotes, escapes |
//! | `telnet` | commands of Telnet in inline requests, which are passed over |
//! | `http` | [`opens_http`]: telling a browser from a client; [`HttpRequestLine`]: what it asks for |
//! | `protocol_error` | [`ProtocolError`]: what can be wrong with a request |
//! | `reply_writer` | [`ReplyWriter`]: replies into a transmit buffer; [`ReplyText`]: formatted text in them |
//! | `lossy_utf8` | [`LossyUtf8`]: a client's bytes as text |
//! | `request_encoder` | [`encode_request`]: requests as a client writes them |
//! | `reply_decoder`, `reply_scan` | [`decode_reply`], [`Reply`]: replies as a client reads them |
//! | `reply_skip` | [`ReplySkip`]: passing over a reply that is too long |
//! | `protocol` | [`Protocol`]: RESP2 or RESP3 |
//! | `buffer`, `decimal`, `double` | appending to a slice; integers and doubles in decimal |

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod buffer;
mod decimal;
mod decoder;
mod double;
mod http;
mod inline;
pub mod limits;
mod lossy_utf8;
mod protocol;
mod protocol_error;
mod reply_decoder;
mod reply_scan;
mod reply_skip;
mod reply_writer;
mod request;
mod request_encoder;
mod telnet;
mod whole_request;

pub use decoder::{Args, Decoder};
pub use http::{HttpMethod, HttpRequestLine, HttpTarget, asks_for_page, opens_http};
pub use limits::{HTTP_START_LEN_MAX, Limits};
pub use lossy_utf8::LossyUtf8;
pub use protocol::Protocol;
pub use protocol_error::ProtocolError;
pub use reply_decoder::{Elements, ElementsIter, Reply, decode_reply, decode_start};
pub use reply_scan::ReplyError;
pub use reply_skip::ReplySkip;
pub use reply_writer::{BufferFull, ReplyText, ReplyWriter};
pub use request::Request;
pub use request_encoder::{EncodeError, encode_request};
