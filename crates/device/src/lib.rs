//! The device behind the sockets: readings, outputs, history and push, over RESP.
//!
//! A device is a small, fixed tree of typed keys that every Redis client can use: `GET lm35` is the latest value of a
//! reading, `SET led 1` switches an output, `XRANGE history:lm35 - +` gives past samples, `SUBSCRIBE lm35` pushes new
//! ones, `INFO` tells how the device is.
//!
//! [`App`] is all of it, without IO: time, randomness, sensors and outputs come from a [`Platform`], what must survive
//! a reboot goes to a [`Store`]. [`serve()`] is the loop between an [`App`] and one connection, a
//! [`Client`]. Nothing allocates, nothing is `unsafe`, and everything has a bound, in [`limits`].
//!
//! # Layout
//!
//! | module | what it does |
//! |---|---|
//! | [`limits`] | every bound, and how they relate |
//! | `app` | [`App`]: sessions, samples, dispatch |
//! | `serve` | [`serve()`]: decode, call, commit, reply, in the client's own buffers; the page for browsers |
//! | [`table`] | the command table, from which dispatch, COMMAND and the documents are made |
//! | `command` | [`Command`](table::Command), and what a command works with |
//! | `commands` | the commands, a file for each group |
//! | `platform` | [`Platform`]: the machine under the application |
//! | `settings`, `flash` | [`Settings`], their [`Store`], and the one in flash |
//! | `session`, `pubsub`, `monitor` | clients, and what waits for them |
//! | `history` | [`History`]: past samples as a stream |
//! | `remote` | readings of other devices |
//! | `outbox` | [`Outbox`]: samples on their way to another device or a Redis |
//! | `keys`, `glob`, `value` | names, patterns, values |
//! | `auth` | the token, and what guessing it costs |
//! | `info`, `text`, `page` | long texts, sent in parts |
//! | `slowlog` | commands that took long |

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod app;
mod auth;
mod command;
mod commands;
mod flash;
mod glob;
mod history;
mod info;
mod keys;
pub mod limits;
mod monitor;
mod outbox;
mod page;
mod platform;
mod pubsub;
mod remote;
mod serve;
mod session;
mod settings;
mod slowlog;
pub mod table;
mod text;
mod value;

pub use app::{App, Counts, SetupError};
pub use auth::TokenHash;
pub use command::Flow;
pub use flash::FlashStore;
pub use history::{History, StreamId};
pub use outbox::{Backoff, Outbox, Outcome, Outgoing, PushCounts, PushSettings, Relearn};
pub use platform::{Health, Identity, Kind, Now, OutputError, OutputInfo, Platform, ReadingInfo, ServerHealth};
pub use serve::{Client, REFUSAL, serve};
pub use session::{SessionKey, Side};
pub use settings::{LogLevel, NoStore, Seconds, Settings, Store, StoreCondition, StoreError, StoreTask, Stored};
pub use value::{Decimal, Value};
