//! Every bound of the device, and how the bounds relate.
//!
//! RAM of the application on a 32-bit chip, by owner:
//!
//! | owner | bytes |
//! |---|---|
//! | a connection | [`CONNECTION_SIZE_MAX`] at most, for each of [`SESSIONS_MAX`]; its buffers of [`RX_LEN`] and [`TX_LEN`] are the platform's |
//! | what a request is looked at in | [`SCRATCH_SIZE_MAX`], once |
//! | an outbox | [`OUTBOX_SIZE_MAX`] at most, if the device pushes |
//! | a reading's history | [`HISTORY_SIZE_MAX`] at most, for each reading that the board has |
//! | a reading's day | [`DAY_SIZE_MAX`] at most, for each that the platform gives: [`DAYS_MAX`] or fewer |
//! | the rest of an [`App`](crate::App) | [`SHARED_SIZE_MAX`] at most, and [`SETTINGS_SIZE_MAX`], sessions excluded |
//! | a [`FlashStore`](crate::FlashStore) | little more than [`FLASH_BUFFER_LEN`] |

use sockeye_backoff::Pauses;
use sockeye_wifi::limits::{HEARD_MAX, RX_QUEUE_LEN, SSID_LEN_MAX};

/// Sessions at once: the clients that a device serves at once. A client that is one too many opens no session.
pub const SESSIONS_MAX: usize = 8;
/// Readings of a device.
pub const READINGS_MAX: usize = 16;
/// Outputs of a device.
pub const OUTPUTS_MAX: usize = 8;
/// Length of the name of a reading or an output.
pub const NAME_LEN_MAX: usize = 24;
/// Readings of other devices that come in by XADD, if the board gives as many histories.
pub const REMOTES_MAX: usize = 8;
/// Length of the name of such a reading, `NODE.NAME`: the longest name that a device comes with, and a reading's.
pub const REMOTE_NAME_LEN_MAX: usize = 40;
/// How long after its last sample the reading of another device has no value any more, seconds, unless configured.
pub const REMOTE_EXPIRE_S: u32 = 60;
/// The longest that can be configured, seconds: a day.
pub const REMOTE_EXPIRE_S_MAX: u32 = 86_400;
/// Length of a channel or a pattern.
pub const CHANNEL_LEN_MAX: usize = REMOTE_NAME_LEN_MAX;
/// Decimals of a value: with more, a 32-bit value has none left before the point.
pub const DECIMALS_MAX: u8 = 6;
/// Length of a value as it is written: `-2147483648` and a point.
pub const DECIMAL_LEN_MAX: usize = 12;
/// Keys: a reading has three (itself, its history, its meta), an output two, and there is the log.
pub const KEYS_MAX: usize = 3 * (READINGS_MAX + REMOTES_MAX) + 2 * OUTPUTS_MAX + 1;
/// The longest key: a name after `history:`.
pub const KEY_LEN_MAX: usize = 8 + REMOTE_NAME_LEN_MAX;

/// Length of the error of an impossible wiring or rule, bytes; a longer one is cut.
pub const SPEC_ERROR_LEN_MAX: usize = 120;
/// How long WIRING SCAN waits for its outcome, milliseconds.
pub const WIRING_SCAN_TIMEOUT_MS: u32 = 5_000;
/// RAM of all things that are wired, with their specs, beside their histories. Settings that are being stored have a second
/// copy of the specs.
pub const WIRED_SIZE_MAX: usize = 1_024;
/// Time from the command RESTART to the restart, milliseconds. Until then replies are sent and connections are closed.
/// A lost reply is sent again at least once (the first RTO of RFC 6298 is 1 s).
pub const RESTART_DELAY_MS: u64 = 1_500;
/// How often it is looked whether a trial's time is over, milliseconds.
pub const TRIAL_LOOK_MS: u64 = 1_000;
/// Boots that may fail in a row with what is wired; with one more the device boots without it.
pub const FAILED_BOOTS_MAX: u8 = 2;

/// Rules of a device.
pub const RULES_MAX: usize = 8;
/// Length of one rule, bytes.
pub const RULE_LEN_MAX: usize = 224;
/// Length of all names and rules together, bytes, with two more for each rule.
pub const RULES_TEXT_LEN_MAX: usize = 480;
/// The longest that a condition may have to hold before it is true, milliseconds: a day.
pub const RULE_FOR_MS_MAX: u32 = 86_400_000;
/// How often rules are looked at beside each sample, milliseconds: `for` and a silence are noticed so late at most. Samples
/// of another device that come faster are looked at with this period too.
pub const RULES_LOOK_MS: u64 = 200;
/// RAM of what is kept of all rules beside their texts.
pub const RULES_SIZE_MAX: usize = 32 * RULES_MAX;

/// Samples that are kept of each reading.
pub const HISTORY_LEN: usize = 64;
/// Minutes that are kept of each reading that has a day: an hour, and ten more that are being replaced by one bucket.
pub const DAY_MINUTES: usize = 70;
/// Times ten minutes that are kept of it: a day, and the one that goes next.
pub const DAY_TENS: usize = 145;
/// Minutes of the longer step.
pub(crate) const TEN_MINUTES: u32 = 10;
/// Milliseconds of a minute.
pub(crate) const MINUTE_MS: u64 = 60_000;
/// The most samples that a minute or ten count.
pub(crate) const BUCKET_COUNT_MAX: u32 = 4_095;
/// How far the clock may be off before the times of minutes follow it, milliseconds: small corrections move none.
pub(crate) const CLOCK_SLACK_MS: u64 = 1_000;
/// Days of a device that has RAM to spare, a reading each; 24 KB.
pub const DAYS_MAX: usize = 12;
/// Samples that come before one that is yet to be sent is overwritten; where fewer would do, TS.RANGE gives the minute.
pub(crate) const RANGE_SLACK: u32 = 4;
/// Labels in one SELECTED_LABELS.
pub const SELECTED_LABELS_MAX: usize = 8;
/// Length of their names together.
pub const SELECTED_LABELS_LEN_MAX: usize = 128;
/// Streams in one XREAD.
pub const STREAMS_MAX: usize = 8;
/// The longest that XREAD waits if it doesn't wait for ever, milliseconds: 49 days.
pub const BLOCK_MS_MAX: u32 = u32::MAX;
/// How long XREAD may block once its client has closed its side, milliseconds. Such a client can't be distinguished from
/// one that has gone, so that a longer time is over at once.
pub const HALF_CLOSED_BLOCK_MS_MAX: u64 = 30_000;

/// Channels and patterns of one session together.
pub const SUBSCRIPTIONS_MAX: usize = 8;
/// Messages that wait for one session; one more drops the oldest.
pub const MAILBOX_LEN: usize = 16;
/// Commands that wait for the sessions that monitor, shared by all of them.
pub const MONITOR_LINES_MAX: usize = 8;
/// Length of one such command; what is longer is cut. A SET by a rule is shown whole.
pub const MONITOR_LINE_LEN: usize = 99;

/// Lines of the console in the log.
pub const LOG_LINES_MAX: usize = 64;
/// Length of a line in the log, bytes of UTF-8. A longer text goes on in the next line.
pub const LOG_LINE_LEN_MAX: usize = 102;
/// Lines of one text in the log; what is longer is cut.
pub const LOG_TEXT_LINES_MAX: usize = 3;
/// Memory of such a line: with a check sum, a number, an ID, a level and a length.
pub const LOG_SLOT_LEN: usize = 18 + LOG_LINE_LEN_MAX;
/// Memory of the log. The least memory that a chip has beside its RAM, and that a restart leaves as it was, is 8 KB.
pub const LOG_MEMORY_LEN: usize = LOG_LINES_MAX * LOG_SLOT_LEN;

/// Samples that wait to be sent to a peer; one more drops the oldest.
pub const OUTBOX_LEN: usize = 64;
/// Samples on their way to a peer before the first is answered for.
pub const PUSH_WINDOW_MAX: usize = 4;
/// Length of a peer's host and port.
pub const PUSH_TO_LEN_MAX: usize = 64;
/// Length of a peer's token.
pub const PUSH_TOKEN_LEN_MAX: usize = 64;
/// Length of the last error in INFO; a longer one is cut.
pub const PUSH_ERROR_LEN_MAX: usize = 80;
/// The longest time between two samples of a reading, milliseconds: a day.
pub const PUSH_PERIOD_MS_MAX: u32 = 86_400_000;

/// Length of the time server's host and port.
pub const TIME_SERVER_LEN_MAX: usize = 64;

/// Length of a client's name.
pub const CLIENT_NAME_LEN_MAX: usize = 32;
/// Length of the name of a client's library.
pub const LIB_NAME_LEN_MAX: usize = 24;
/// Length of the version of a client's library.
pub const LIB_VERSION_LEN_MAX: usize = 16;
/// Length of the device's name.
pub const DEVICE_NAME_LEN_MAX: usize = 32;
/// Length of a token; what a client may send before it has authenticated.
pub const TOKEN_LEN_MAX: usize = sockeye_resp::limits::BULK_LEN_MAX_UNAUTHENTICATED;
/// The shortest token that can be set: guessing it over the network must not be worth trying.
pub const TOKEN_LEN_MIN: usize = 8;
/// The buffer of a store in flash: the longest item, with its key. Settings that fill all other fields have no room for
/// rules. The buffer of older firmwares is as long, so that they can read whatever a newer one has stored.
pub const FLASH_BUFFER_LEN: usize = 1408;
/// Bytes that may have changed by age in a flash that was never written: settings are longer.
pub const FLASH_STRAY_BYTES_MAX: usize = 16;
/// Places of a flash that are tried for each copy of the settings, if what was written can't be read. The shortest
/// settings have no more places in a block of 4 KB, so the last place is in a block that was just erased.
pub const FLASH_PLACES_MAX: usize = 64;
/// Changes of settings that clients may have stored in a row; more of them come back one by one, each in a minute
/// ([`STEP_MS`](sockeye_firmware_update::limits::STEP_MS)). docs/hardware.md has what that means for the flash.
pub const CHANGES_MAX: u8 = 100;
/// A factory reset counts as so many changes: it erases as many sectors of 64 KB, where a change erases one at most.
pub const RESET_CHANGES: u8 = 20;
/// Random bytes that are hashed together with a token.
pub const SALT_LEN: usize = 16;
/// A SHA-256 digest.
pub const DIGEST_LEN: usize = 32;

/// Wrong tokens that an address has free before it must wait.
pub const AUTH_FREE_FAILURES: u8 = 3;
/// How long an address waits after each failure beyond. Jitter would help nobody: one address waits at a time.
pub const AUTH_PAUSES: Pauses = Pauses::new(1_000, 60_000, 0);
/// Addresses whose failures are remembered; one more replaces the one whose wait ends first.
pub const AUTH_ADDRESSES_MAX: usize = 8;
/// Wrong tokens after which a connection is closed.
pub const AUTH_SESSION_FAILURES_MAX: u8 = 8;

/// Commands in the slow log.
pub const SLOWLOG_LEN: usize = 4;
/// Commands that took as long as this are in it, microseconds; Redis's default.
pub const SLOWLOG_SLOWER_THAN_US: u32 = 10_000;
/// Arguments of a command that the slow log keeps.
pub const SLOWLOG_ARGS_MAX: usize = 4;
/// Length of each of them.
pub const SLOWLOG_ARG_LEN_MAX: usize = 24;

/// Keys in one reply to SCAN, whatever COUNT is.
pub const SCAN_KEYS_MAX: usize = 14;
/// Keys in one reply to SCAN without COUNT; Redis's default.
pub const SCAN_COUNT: usize = 10;

/// Places in the index of the command table: a power of two, well above the number of commands.
pub const COMMAND_INDEX_LEN: usize = 256;
/// A line of HELP; what is longer is cut.
pub const HELP_LINE_LEN_MAX: usize = 128;

/// The receive buffer that a connection needs: a request is whole in it.
pub const RX_LEN: usize = sockeye_resp::limits::RX_LEN;
/// The transmit buffer that a connection needs. A longer reply leaves in parts.
pub const TX_LEN: usize = 832;
/// The longest reply of a command that is not marked as long; while there is room for it, replies share a write.
pub const REPLY_LEN_MAX: usize = 400;
/// The longest part of a reply in parts, which is written whole or not at all.
pub const REPLY_PART_LEN_MAX: usize = 700;
/// The longest message to a subscriber: its type, a pattern, a channel and a value.
pub const MESSAGE_LEN_MAX: usize = 160;
/// The longest long text: INFO, or CLIENT LIST of [`SESSIONS_MAX`] clients.
pub const DOCUMENT_LEN_MAX: usize = 3_300;
/// The header of a long text: `=3300`, a line end and `txt:`.
pub(crate) const HEADER_LEN_MAX: usize = 12;
/// How long a session may send a long text before another session may take its memory, milliseconds. The time is no
/// longer than a server waits for room.
pub const DOCUMENT_HOLD_MS: u32 = 3_000;
/// The longest part of a page for browsers.
pub const PAGE_PART_LEN_MAX: usize = 800;
/// After how long a browser loads the page of all readings again, seconds.
pub const PAGE_REFRESH_S: u32 = 15;
/// After how long a browser loads the page of a reading again, seconds.
pub const READING_PAGE_REFRESH_S: u32 = 60;
/// Columns of the chart of an hour, each a minute.
pub(crate) const HOUR_COLUMNS: u32 = 60;
/// Columns of the chart of a day, each ten minutes.
pub(crate) const DAY_COLUMNS: u32 = 144;
/// Columns of a chart that one part of a page has, at most 20 bytes each.
pub(crate) const CHART_COLUMNS_PER_PART: u32 = 24;
/// The height of a chart in its own units.
pub(crate) const CHART_HEIGHT: i64 = 100;

/// RAM of one connection on a 32-bit chip: its session, and the future of [`serve`](crate::serve()).
pub const CONNECTION_SIZE_MAX: usize = 1024;
/// The future's part of [`CONNECTION_SIZE_MAX`], with a client whose own futures are small.
pub const FUTURE_SIZE_MAX: usize = 320;
/// RAM in which the sessions look at requests and write replies.
pub const SCRATCH_SIZE_MAX: usize = RX_LEN + TX_LEN + sockeye_resp::limits::ARGS_SIZE_MAX;
/// RAM of one reading's history on a 32-bit chip.
pub const HISTORY_SIZE_MAX: usize = 12 * HISTORY_LEN + 16;
/// RAM of one reading's day.
pub const DAY_SIZE_MAX: usize = 2_048;
/// RAM of an outbox on a 32-bit chip.
pub const OUTBOX_SIZE_MAX: usize = 16 * OUTBOX_LEN + 768;
/// RAM of what all sessions share on a 32-bit chip.
pub const SHARED_SIZE_MAX: usize = 6 * 1024 + 512 + RULES_SIZE_MAX + RULES_TEXT_LEN_MAX;
/// RAM of the settings. The settings that are being stored take as much again.
pub const SETTINGS_SIZE_MAX: usize = 1_292 + RULES_TEXT_LEN_MAX;

const _: () = assert!(RX_LEN >= sockeye_resp::limits::RX_LEN_MIN);
const _: () = assert!(REPLY_LEN_MAX <= REPLY_PART_LEN_MAX && REPLY_PART_LEN_MAX <= TX_LEN);
const _: () = assert!(PAGE_PART_LEN_MAX <= TX_LEN);
// `*4 $8 pmessage $40 .. $40 .. $13 ..`, each with its line ends.
const _: () = assert!(4 + 14 + 2 * (5 + CHANNEL_LEN_MAX + 2) + 5 + 13 + 2 <= MESSAGE_LEN_MAX);
// `*3 $7 message $3 log $111 ..`, each with its line ends; the level is before the line.
const _: () = assert!(4 + 13 + 9 + 6 + "warning: ".len() + LOG_LINE_LEN_MAX + 2 <= MESSAGE_LEN_MAX);
const _: () = assert!(LOG_MEMORY_LEN < 8 * 1024 && LOG_TEXT_LINES_MAX < LOG_LINES_MAX);
const _: () = assert!("sockeye-3f2a".len() + 1 + NAME_LEN_MAX <= REMOTE_NAME_LEN_MAX);
const _: () = assert!(MONITOR_LINE_LEN + 3 <= TX_LEN);
// `1700000000.000000 [0 rule.NAME] "SET" "NAME" "-7.5"`
const _: () = assert!(17 + 9 + NAME_LEN_MAX + 1 + 6 + 3 + NAME_LEN_MAX + 3 + DECIMAL_LEN_MAX <= MONITOR_LINE_LEN);
const _: () = assert!(SCAN_KEYS_MAX * (5 + KEY_LEN_MAX + 2) + 32 <= TX_LEN);
const _: () = assert!(SCAN_COUNT <= SCAN_KEYS_MAX);
// A set of streams is the bits of a u8, a position in a history a u8, and its size wraps as numbers do.
const _: () = assert!(STREAMS_MAX <= u8::BITS as usize);
const _: () = assert!(HISTORY_LEN.is_power_of_two() && HISTORY_LEN <= u8::MAX as usize);
const _: () = assert!(READINGS_MAX + REMOTES_MAX < u8::MAX as usize);
const _: () = assert!((BUCKET_COUNT_MAX + 1).is_power_of_two(), "it is a number of bits");
const _: () = assert!(DAYS_MAX * DAY_SIZE_MAX <= 24 * 1024);
const _: () = assert!(DAY_MINUTES >= 60 + TEN_MINUTES as usize && (DAY_TENS - 1) * TEN_MINUTES as usize >= 24 * 60);
const _: () = assert!(SUBSCRIPTIONS_MAX <= u8::MAX as usize);
const _: () = assert!(AUTH_FREE_FAILURES < AUTH_SESSION_FAILURES_MAX);
const _: () = assert!(TOKEN_LEN_MIN <= TOKEN_LEN_MAX);
const _: () = assert!(SESSIONS_MAX <= RX_QUEUE_LEN, "the radio keeps a frame of each client that sends at once");
const _: () = assert!(PUSH_WINDOW_MAX < OUTBOX_LEN);
// Which streams a device knows of is the bits of a u32.
const _: () = assert!(READINGS_MAX <= u32::BITS as usize);
// `*3 $32 .. :-128 $11 ..`, each with its line ends.
const _: () = assert!(HEARD_MAX * (4 + 5 + SSID_LEN_MAX + 2 + 7 + 18) + 5 <= TX_LEN, "a scan is one reply");
const _: () = assert!(WIRING_SCAN_TIMEOUT_MS as u64 > 2 * sockeye_wiring::limits::SCAN_MS);
const _: () =
    assert!(NAME_LEN_MAX == sockeye_wiring::limits::KEY_LEN_MAX && "wiring.".len() + NAME_LEN_MAX <= KEY_LEN_MAX);
const _: () = assert!("rule.".len() + NAME_LEN_MAX <= KEY_LEN_MAX && RULE_LEN_MAX + NAME_LEN_MAX <= RULES_TEXT_LEN_MAX);
const _: () = assert!(sockeye_wiring::limits::SPEC_LEN_MAX <= RULE_LEN_MAX, "CONFIG GET copies either");
const _: () = assert!(FLASH_BUFFER_LEN.is_multiple_of(32), "a flash is read in whole words");
const _: () = assert!(DEVICE_NAME_LEN_MAX <= SSID_LEN_MAX, "the access point has the device's name");
