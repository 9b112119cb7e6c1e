//! INFO: how the device is.

use core::fmt::{self, Write};

use crate::command::COMPATIBLE_VERSION;
use crate::keys::catalog::Key;
use crate::keys::history::History;
use crate::outbox::Outbox;
use crate::platform::{Health, Now, Platform};
use crate::state::State;
use sockeye_resp::Request;
use sockeye_wifi as wifi;

/// The sources of INFO's fields.
pub(crate) struct Info<'a> {
    pub(crate) state: &'a State,
    pub(crate) histories: &'a [History],
    pub(crate) platform: &'a dyn Platform,
    /// The session may read the log.
    pub(crate) is_log_shown: bool,
    pub(crate) outbox: Option<&'a Outbox<'a>>,
    pub(crate) health: Health,
    pub(crate) now: Now,
    pub(crate) request: Request<'a>,
}

type Figure = fn(&Info<'_>, &mut dyn Write) -> fmt::Result;

/// A section's name begins it; the fields are Redis's where their meaning is the same.
#[derive(Clone, Copy)]
enum Line {
    Section(&'static str),
    Field(&'static str, Figure),
    /// A figure that some devices don't have: there its line is left out.
    Optional(&'static str, fn(&Health) -> Option<i64>),
    /// A figure of a device that pushes to a peer.
    Push(&'static str, fn(&Outbox<'_>, &mut dyn Write) -> fmt::Result),
    /// A text that some devices don't have.
    OptionalText(&'static str, fn(&dyn Platform) -> Option<&str>),
    /// One of the Wi-Fi's fields; there are more or fewer from time to time.
    Wifi(&'static wifi::Field),
}

use Line::{Field, Optional, OptionalText, Push, Section, Wifi};

static LINES: [Line; 58] = [
    Section("Server"),
    Field("redis_version", |_, out| out.write_str(COMPATIBLE_VERSION)),
    Field("redis_mode", |_, out| out.write_str("standalone")),
    Field("os", |info, out| write!(out, "sockeye {}", info.platform.identity().board)),
    Field("arch_bits", |_, out| write!(out, "{}", usize::BITS)),
    Field("run_id", |info, out| out.write_str(info.platform.identity().run_id)),
    Field("tcp_port", |info, out| write!(out, "{}", info.platform.identity().port)),
    Field("server_time_usec", |info, out| write!(out, "{}", info.now.stamp_us())),
    Field("uptime_in_seconds", |info, out| write!(out, "{}", info.now.uptime_s())),
    Field("uptime_in_days", |info, out| write!(out, "{}", info.now.uptime_s() / 86_400)),
    Section("Clients"),
    Field("connected_clients", |info, out| write!(out, "{}", info.state.sessions.iter().count())),
    Field("maxclients", |info, out| write!(out, "{}", info.health.server.slots)),
    Field("blocked_clients", |info, out| {
        write!(out, "{}", info.state.sessions.iter().filter(|session| session.is_blocked()).count())
    }),
    Section("Memory"),
    Field("used_memory", |info, out| write!(out, "{}", info.health.used_memory)),
    Field("used_memory_human", |info, out| human(out, info.health.used_memory)),
    Field("total_system_memory", |info, out| write!(out, "{}", info.health.total_memory)),
    Field("maxmemory", |_, out| out.write_str("0")),
    Section("Persistence"),
    Field("loading", |_, out| out.write_str("0")),
    Section("Stats"),
    Field("total_connections_received", |info, out| {
        write!(out, "{}", u64::from(info.health.server.accepted) + u64::from(info.health.server.refused))
    }),
    Field("total_commands_processed", |info, out| write!(out, "{}", info.state.counts.commands)),
    Field("total_net_input_bytes", |info, out| write!(out, "{}", info.health.server.bytes_in)),
    Field("total_net_output_bytes", |info, out| write!(out, "{}", info.health.server.bytes_out)),
    Field("rejected_connections", |info, out| write!(out, "{}", info.health.server.refused)),
    Field("evicted_clients", |info, out| write!(out, "{}", info.health.server.displaced)),
    Field("keyspace_hits", |info, out| write!(out, "{}", info.state.counts.hits)),
    Field("keyspace_misses", |info, out| write!(out, "{}", info.state.counts.misses)),
    Field("total_error_replies", |info, out| write!(out, "{}", info.state.counts.errors)),
    Section("Replication"),
    Field("role", |_, out| out.write_str("master")),
    Field("connected_slaves", |_, out| out.write_str("0")),
    Section("Cluster"),
    Field("cluster_enabled", |_, out| out.write_str("0")),
    Section("Keyspace"),
    Field("db0", |info, out| {
        let all = Key::all(info.state.catalog(info.platform));
        let keys = all.filter(|(_, key)| {
            let is_shown = *key != Key::Log || info.is_log_shown;
            is_shown && key.exists(&info.state.catalog(info.platform), info.histories, info.now)
        });
        write!(out, "keys={},expires=0,avg_ttl=0", keys.count())
    }),
    Section("Device"),
    Field("device_name", |info, out| out.write_str(info.state.device_name(info.platform))),
    Field("firmware_version", |info, out| out.write_str(info.platform.identity().version)),
    Field("reset_reason", |info, out| out.write_str(info.health.reset_reason)),
    Optional("heap_free", |health| health.heap_free.map(i64::from)),
    Field("store", |info, out| out.write_str(info.state.store.name())),
    OptionalText("last_panic", |platform| platform.last_panic()),
    Field("connections_timed_out", |info, out| write!(out, "{}", info.health.server.timed_out)),
    Field("connections_reset", |info, out| write!(out, "{}", info.health.server.reset)),
    Field("accept_errors", |info, out| write!(out, "{}", info.health.server.accept_errors)),
    Field("protocol_errors", |info, out| write!(out, "{}", info.state.counts.protocol_errors)),
    Field("auth_failures", |info, out| write!(out, "{}", info.state.counts.auth_failures)),
    Field("pubsub_clients", |info, out| {
        write!(out, "{}", info.state.sessions.iter().filter(|session| session.is_subscribed()).count())
    }),
    Field("http", |info, out| {
        write!(out, "pages={},refused={}", info.state.counts.pages, info.state.counts.http_refused)
    }),
    Field("samples", |info, out| write!(out, "{}", info.state.counts.samples)),
    Field("remote_readings", |info, out| {
        write!(out, "count={},max={}", info.state.remotes.len(), info.state.remotes.max())
    }),
    Field("pubsub_messages", |info, out| {
        write!(out, "sent={},dropped={}", info.state.counts.messages, info.state.counts.messages_dropped)
    }),
    Push("push_to", |outbox, out| outbox.with_settings(|settings| FreeText(out).write_str(&settings.to))),
    Push("push", |outbox, out| {
        let (connected, waiting, counts) = (u8::from(outbox.is_connected()), outbox.len(), outbox.counts());
        write!(
            out,
            "connected={connected},waiting={waiting},delivered={},repeated={}",
            counts.delivered, counts.repeated
        )?;
        write!(out, ",dropped={},refused={}", counts.dropped, counts.refused)?;
        write!(out, ",connections={},failures={}", counts.connections, counts.failures)
    }),
    Push("push_error", |outbox, out| FreeText(out).write_str(&outbox.error())),
];

static WIFI_LINES: [Line; 1 + wifi::FIELDS.len()] = {
    let mut lines = [const { Section("WiFi") }; 1 + wifi::FIELDS.len()];
    let mut index = 0;
    while index < wifi::FIELDS.len() {
        lines[index + 1] = Wifi(&wifi::FIELDS[index]);
        index += 1;
    }
    lines
};

/// Writes a text that is not the device's own, such as a network's name or a panic's message. Parsers take a value with
/// `,` and `=` for a list of fields, and a line end for the end of the value. So a comma becomes a semicolon, and a
/// control character a blank.
struct FreeText<'a>(&'a mut dyn Write);

impl Write for FreeText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| {
            self.0.write_char(match c {
                ',' => ';',
                c if c.is_control() => ' ',
                c => c,
            })
        })
    }
}

/// Bytes as Redis shows them to people.
fn human(out: &mut dyn Write, bytes: u32) -> fmt::Result {
    let (unit, letter) = match bytes {
        0..1024 => return write!(out, "{bytes}B"),
        1024..1_048_576 => (1024, 'K'),
        _ => (1_048_576, 'M'),
    };
    let hundredths = u64::from(bytes) * 100 / unit;
    write!(out, "{}.{:02}{letter}", hundredths / 100, hundredths % 100)
}

/// Whether the request asks for this section: by name, or for all of them.
fn is_wanted(request: &Request<'_>, section: &str) -> bool {
    const ALL: [&[u8]; 3] = [b"all", b"default", b"everything"];
    let is_one = |arg: &[u8]| {
        arg.eq_ignore_ascii_case(section.as_bytes()) || ALL.iter().any(|all| arg.eq_ignore_ascii_case(all))
    };
    request.len() == 1 || request.args().skip(1).any(is_one)
}

/// The lines of the wanted sections.
fn lines(request: &Request<'_>) -> impl Iterator<Item = &'static Line> {
    let in_sections = LINES.iter().chain(&WIFI_LINES).scan(false, |is_in, line| {
        if let Section(name) = line {
            *is_in = is_wanted(request, name);
        }
        Some((*is_in).then_some(line))
    });
    in_sections.flatten()
}

impl Info<'_> {
    fn status(&self) -> wifi::WifiStatus<'_> {
        wifi::WifiStatus {
            wifi: &self.state.wifi,
            settings: self.state.settings.wifi(self.state.device_name(self.platform)),
            rssi_dbm: self.health.wifi_rssi_dbm,
            now_ms: self.now.uptime_ms(),
        }
    }
}

impl Info<'_> {
    /// Writes the wanted sections, each after an empty line but for the first, as Redis does.
    pub(crate) fn write(&self, out: &mut dyn Write) -> fmt::Result {
        let mut is_first = true;
        for line in lines(&self.request) {
            match line {
                Section(name) if core::mem::take(&mut is_first) => write!(out, "# {name}\r\n")?,
                Section(name) => write!(out, "\r\n# {name}\r\n")?,
                Field(name, write) => {
                    write!(out, "{name}:")?;
                    write(self, out)?;
                    out.write_str("\r\n")?;
                }
                Push(name, write) => {
                    if let Some(outbox) = self.outbox {
                        write!(out, "{name}:")?;
                        write(outbox, out)?;
                        out.write_str("\r\n")?;
                    }
                }
                Wifi(field) if !field.exists(&self.status()) => (),
                Wifi(field) => {
                    write!(out, "{}:", field.name)?;
                    field.write(&self.status(), &mut FreeText(out)).unwrap_or(Ok(()))?;
                    out.write_str("\r\n")?;
                }
                Optional(name, read) => {
                    if let Some(figure) = read(&self.health) {
                        write!(out, "{name}:{figure}\r\n")?;
                    }
                }
                OptionalText(name, read) => {
                    if let Some(text) = read(self.platform) {
                        write!(out, "{name}:")?;
                        FreeText(out).write_str(text)?;
                        out.write_str("\r\n")?;
                    }
                }
            }
        }
        Ok(())
    }
}
