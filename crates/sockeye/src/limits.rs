//! Bounds of the program on a host.

use std::time::Duration;

/// Slots of a server unless the command line gives another number, as on the chips.
pub const SLOTS: usize = 8;
/// Most slots of a server.
pub const SLOTS_MAX: usize = 64;

/// A silent client is probed for the first time after this long (RFC 9293 section 3.8.4). The three bounds together end
/// the connection of a client that has vanished as soon as a chip's listener does: after 25 s.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// The time between two probes.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// Probes without an answer that end the connection.
pub const KEEPALIVE_RETRIES: u32 = 3;

/// How long the look-up of a device's name may take.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long connecting to a device may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a device may take for a reply: verifying an image takes the longest, some seconds.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two attempts to connect.
pub const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// How long a device that has all of the image may be unreachable.
pub const RECONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// Before a device is asked again that is busy with another client.
pub const BUSY_RETRY: Duration = Duration::from_secs(2);
/// Connections that may be lost in a row without a byte of the image getting through.
pub const UPDATE_LOST_MAX: u32 = 20;
/// The longest that a device may ask to be left alone to spare its flash.
pub const UPDATE_PAUSE_MAX: Duration = Duration::from_secs(120);
/// How often it may.
pub const UPDATE_PAUSES_MAX: u32 = 5;
/// Writes on their way to a device before the first is answered: more have no room in its receive buffer.
pub const UPDATE_WINDOW_MAX: usize = 4;
/// Before a device that restarts is looked for: it answers for 1.5 s.
pub const RESTART_TIME: Duration = Duration::from_secs(2);
/// A request of an update, or a reply to one.
pub const UPDATE_BUFFER_LEN: usize = 1024;
