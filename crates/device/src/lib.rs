//! The device behind the sockets: readings, outputs, history and push, over RESP.
//!
//! A device is a small tree of typed keys that every Redis client can use:
//!
//! - `GET lm35` returns the latest value of a reading.
//! - `SET led 1` switches an output.
//! - `XRANGE history:lm35 - +` returns past samples.
//! - `SUBSCRIBE lm35` pushes new samples.
//! - `XRANGE log - +` returns the last lines of the console, and `SUBSCRIBE log` pushes new ones.
//! - `INFO` returns the device's state and counters.
//!
//! [`App`] is all of it, without IO: time, randomness, sensors and outputs come from a [`Platform`], what must survive
//! a reboot goes to a [`Store`]. [`serve()`] is the loop between an [`App`] and one connection, a
//! [`ClientConnection`]. Nothing allocates, nothing is `unsafe`, and everything has a bound, in [`limits`].
//!
//! # Layout
//!
//! | module | what it does |
//! |---|---|
//! | [`limits`] | every bound, and how they relate |
//! | `app` | [`App`]: sessions, samples, dispatch |
//! | `request_loop` | [`serve()`]: decode, call, commit, reply, in the client's own buffers; the page for browsers |
//! | [`command_table`] | the command table, from which dispatch, COMMAND and the documents are made |
//! | `command` | [`Command`](command_table::Command), and what a command works with |
//! | `commands` | the commands, a file for each group |
//! | `platform` | [`Platform`]: the machine under the application |
//! | `settings` | [`Settings`] with the token, their [`Store`], and [`FlashStore`] |
//! | `sessions` | the connected clients: session, subscriber, MONITOR, slow log |
//! | `keys` | the catalog of keys, [`History`], [`Day`], readings of other devices |
//! | `log_ring` | [`LogRing`]: the last lines of the console, over a restart |
//! | `rules` | rules that set outputs by readings |
//! | `outputs` | the one way to set an output |
//! | `outbox` | [`Outbox`]: samples on their way to another device or a Redis |
//! | `replies` | long replies, sent in parts: INFO, the page |
//! | `firmware` | [`Firmware`]: the update as commands see it |
//! | `glob`, `value`, `bounded_text` | patterns, values, texts that are cut |

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![deny(missing_docs)]

mod app;
mod bounded_text;
mod command;
pub mod command_table;
mod commands;
mod firmware;
mod glob;
mod keys;
pub mod limits;
mod log_ring;
mod names;
mod outbox;
mod outputs;
mod pending;
mod platform;
mod replies;
mod request_loop;
mod rewiring;
mod rules;
mod scratch;
mod sessions;
mod settings;
mod state;
mod value;

pub use app::{App, AppResources, SetupError};
pub use command::Flow;
pub use firmware::Firmware;
pub use keys::day::Day;
pub use keys::history::{History, StreamId};
pub use log_ring::{LogLine, LogMemory, LogRing};
pub use outbox::{IdConflict, Outbox, Outgoing, PushCounts, ReadingNames, SampleOutcome};
pub use platform::{
    DeviceIdentity, Health, Now, OutputError, OutputInfo, Platform, ReadingInfo, ServerHealth, ValueKind, WiringSetup,
};
pub use request_loop::{ClientConnection, INCOMPLETE, REFUSAL, serve};
pub use sessions::session::{ClientAddress, ClientOrigin, SessionKey};
pub use settings::flash_store::FlashStore;
pub use settings::store_task::StoreTask;
pub use settings::token::TokenHash;
pub use settings::{LogLevel, NoStore, PushSettings, Seconds, Settings, Store, StoreError, StoreStatus, Stored};
pub use state::Counts;
pub use value::{Decimal, Value};
