//! The command table: the one place that says what commands there are. Dispatch, COMMAND, HELP and docs/commands.md
//! are made from it.

use sockeye_resp::Request;

pub use crate::command::{Access, Command, Group, Keys};
use crate::commands::{
    acl, auth_commands as auth, client_commands as client, command_docs as command, config,
    connection_commands as connection, hash_commands as meta, help, key_commands as keyspace,
    pubsub_commands as pubsub, server_commands as server, slowlog_commands as slowlog, stream_commands as stream, wifi,
    wiring_commands as wiring, xadd, xinfo,
};
use crate::limits::COMMAND_INDEX_LEN;

use Access::{Open, Read, Write};
use Group::{Connection, Generic, Hash, Pubsub, Server, Stream, String, Wifi, Wiring};

const fn row(name: &'static str, arity: i8, access: Access, group: Group, run: crate::command::Run) -> Command {
    Command::new(name, arity, access, group, run)
}

/// What COMMAND says of commands that Redis doesn't have: the version of ours that had them first.
const OWN: &str = "0.1.0";

/// All commands, each followed by its subcommands, sorted by name.
pub static COMMANDS: [Command; 92] = [
    Command::container("acl", Server).doc("", "6.0.0", "A container for Access List Control commands."),
    row("acl|help", 2, Read, Server, help::help).doc("", "6.0.0", "Show helpful text about the subcommands."),
    row("acl|whoami", 2, Read, Server, acl::whoami).doc("", "6.0.0", "Return the name of the only user, default."),
    row("auth", -2, Open, Connection, auth::auth).secret().doc(
        "[username] password",
        "1.0.0",
        "Authenticate with the device's token; the username is default.",
    ),
    Command::container("client", Connection).doc("", "2.4.0", "A container for client connection commands."),
    row("client|getname", 2, Read, Connection, client::getname).doc("", "2.6.9", "Get the current connection's name."),
    row("client|help", 2, Read, Connection, help::help).long().doc(
        "",
        "5.0.0",
        "Show helpful text about the subcommands.",
    ),
    row("client|id", 2, Read, Connection, client::id).doc("", "5.0.0", "Return the current connection's ID."),
    row("client|info", 2, Read, Connection, client::info).long().doc("", "6.2.0", "Describe the current connection."),
    row("client|kill", -3, Write, Connection, client::kill).doc(
        "ip:port|[ID client-id] [ADDR ip:port] [SKIPME yes|no]",
        "2.4.0",
        "Close the connection of a client.",
    ),
    row("client|list", -2, Read, Connection, client::list).long().doc(
        "[TYPE normal|master|replica|pubsub] [ID client-id [client-id ...]]",
        "2.4.0",
        "List the connected clients.",
    ),
    row("client|setinfo", 4, Read, Connection, client::setinfo).doc(
        "LIB-NAME|LIB-VER value",
        "7.2.0",
        "Tell the device about the client's library.",
    ),
    row("client|setname", 3, Read, Connection, client::setname).doc(
        "connection-name",
        "2.6.9",
        "Set the current connection's name.",
    ),
    row("command", -1, Read, Server, command::command).long().doc("", "2.8.13", "Describe all commands."),
    row("command|count", 2, Read, Server, command::count).doc("", "2.8.13", "Count the commands."),
    row("command|docs", -2, Read, Server, command::docs).long().doc(
        "[command-name [command-name ...]]",
        "7.0.0",
        "Document some or all commands.",
    ),
    row("command|help", 2, Read, Server, help::help).long().doc(
        "",
        "5.0.0",
        "Show helpful text about the subcommands.",
    ),
    row("command|info", -2, Read, Server, command::info).long().doc(
        "[command-name [command-name ...]]",
        "2.8.13",
        "Describe some or all commands.",
    ),
    row("command|list", -2, Read, Server, command::list).long().doc(
        "[FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]",
        "7.0.0",
        "List the names of the commands.",
    ),
    Command::container("config", Server).doc("", "2.0.0", "A container for server configuration commands."),
    row("config|factoryreset", 2, Write, Server, config::factory_reset).doc(
        "",
        OWN,
        "Forget all settings and networks, and wipe them from flash.",
    ),
    row("config|get", -3, Read, Server, config::get).long().doc(
        "parameter [parameter ...]",
        "2.0.0",
        "Get the parameters that match the patterns; never a secret.",
    ),
    row("config|help", 2, Read, Server, help::help).long().doc("", "5.0.0", "Show helpful text about the subcommands."),
    row("config|set", -4, Write, Server, config::set).secret().doc(
        "parameter value [parameter value ...]",
        "2.0.0",
        "Set parameters, all or none; replied when it is stored.",
    ),
    row("dbsize", 1, Read, Server, keyspace::dbsize).doc("", "1.0.0", "Count the keys."),
    row("echo", 2, Read, Connection, connection::echo).doc("message", "1.0.0", "Return the message."),
    row("exists", -2, Read, Generic, keyspace::exists).keys(1, -1).doc(
        "key [key ...]",
        "1.0.0",
        "Count how many of the keys have a value.",
    ),
    row("get", 2, Read, String, keyspace::get).keys(1, 1).doc(
        "key",
        "1.0.0",
        "Get the latest value of a reading, or the value of an output.",
    ),
    row("hello", -1, Open, Connection, connection::hello).secret().doc(
        "[protover [AUTH username password] [SETNAME clientname]]",
        "6.0.0",
        "Choose the version of RESP, and log in.",
    ),
    row("hget", 3, Read, Hash, meta::hget).keys(1, 1).doc("key field", "2.0.0", "Get a field of meta:NAME."),
    row("hgetall", 2, Read, Hash, meta::hgetall).keys(1, 1).long().doc(
        "key",
        "2.0.0",
        "Get all that meta:NAME tells about a reading or output.",
    ),
    row("hkeys", 2, Read, Hash, meta::hkeys).keys(1, 1).doc("key", "2.0.0", "Get the fields of meta:NAME."),
    row("info", -1, Read, Server, server::info).long().doc(
        "[section [section ...]]",
        "1.0.0",
        "Tell how the device is.",
    ),
    row("keys", 2, Read, Generic, keyspace::keys).long().doc("pattern", "1.0.0", "List the keys that match a pattern."),
    Command::container("latency", Server).doc("", "2.8.13", "A container for latency diagnostics commands."),
    row("latency|help", 2, Read, Server, help::help).doc("", "2.8.13", "Show helpful text about the subcommands."),
    row("latency|histogram", -2, Read, Server, server::empty_map).doc(
        "[command [command ...]]",
        "7.0.0",
        "Return nothing: the device keeps no histograms.",
    ),
    row("latency|history", 3, Read, Server, server::empty_array).doc(
        "event",
        "2.8.13",
        "Return nothing: the device records no latency events.",
    ),
    row("latency|latest", 2, Read, Server, server::empty_array).doc(
        "",
        "2.8.13",
        "Return nothing: the device records no latency events.",
    ),
    row("latency|reset", -2, Read, Server, server::zero).doc("[event [event ...]]", "2.8.13", "Reset nothing."),
    Command::container("memory", Server).doc("", "4.0.0", "A container for memory diagnostics commands."),
    row("memory|help", 2, Read, Server, help::help).doc("", "4.0.0", "Show helpful text about the subcommands."),
    row("memory|usage", -3, Read, Server, keyspace::memory_usage).keys(2, 2).doc(
        "key [SAMPLES count]",
        "4.0.0",
        "Estimate the memory of a key, in bytes.",
    ),
    row("mget", -2, Read, String, keyspace::mget).keys(1, -1).long().doc(
        "key [key ...]",
        "1.0.0",
        "Get several values.",
    ),
    Command::container("module", Server).doc("", "4.0.0", "A container for module commands."),
    row("module|help", 2, Read, Server, help::help).doc("", "5.0.0", "Show helpful text about the subcommands."),
    row("module|list", 2, Read, Server, server::empty_array).doc("", "4.0.0", "List the modules: there are none."),
    row("monitor", 1, Write, Server, server::monitor).doc("", "1.0.0", "Watch the commands of all clients."),
    row("ping", -1, Open, Connection, connection::ping).allowed_subscribed().doc(
        "[message]",
        "1.0.0",
        "Return PONG, or the message.",
    ),
    row("psubscribe", -2, Read, Pubsub, pubsub::psubscribe).allowed_subscribed().long().doc(
        "pattern [pattern ...]",
        "2.0.0",
        "Be told of each sample of the readings that match.",
    ),
    Command::container("pubsub", Pubsub).doc("", "2.8.0", "A container for Pub/Sub commands."),
    row("pubsub|channels", -2, Read, Pubsub, pubsub::channels).long().doc(
        "[pattern]",
        "2.8.0",
        "List the channels that have subscribers.",
    ),
    row("pubsub|help", 2, Read, Pubsub, help::help).doc("", "6.2.0", "Show helpful text about the subcommands."),
    row("pubsub|numpat", 2, Read, Pubsub, pubsub::numpat).doc(
        "",
        "2.8.0",
        "Count the patterns that are subscribed to.",
    ),
    row("pubsub|numsub", -2, Read, Pubsub, pubsub::numsub).long().doc(
        "[channel [channel ...]]",
        "2.8.0",
        "Count the subscribers of channels.",
    ),
    row("punsubscribe", -1, Read, Pubsub, pubsub::punsubscribe).allowed_subscribed().long().doc(
        "[pattern [pattern ...]]",
        "2.0.0",
        "Stop being told of the readings that match.",
    ),
    row("quit", -1, Open, Connection, connection::quit).allowed_subscribed().doc("", "1.0.0", "Close the connection."),
    row("reset", 1, Open, Connection, connection::reset).allowed_subscribed().doc(
        "",
        "6.2.0",
        "Make the connection as new.",
    ),
    row("scan", -2, Read, Generic, keyspace::scan).long().doc(
        "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        "2.8.0",
        "List the keys bit by bit.",
    ),
    row("select", 2, Read, Connection, connection::select).doc("index", "1.0.0", "Select database 0, the only one."),
    row("set", -3, Write, String, keyspace::set).keys(1, 1).doc("key value", "1.0.0", "Switch an output."),
    Command::container("slowlog", Server).doc("", "2.2.12", "A container for slow log commands."),
    row("slowlog|get", -2, Read, Server, slowlog::get).long().doc(
        "[count]",
        "2.2.12",
        "List the commands that took long.",
    ),
    row("slowlog|help", 2, Read, Server, help::help).doc("", "6.2.0", "Show helpful text about the subcommands."),
    row("slowlog|len", 2, Read, Server, slowlog::len).doc("", "2.2.12", "Count the commands in the slow log."),
    row("slowlog|reset", 2, Write, Server, slowlog::reset).doc("", "2.2.12", "Empty the slow log."),
    row("subscribe", -2, Read, Pubsub, pubsub::subscribe).allowed_subscribed().long().doc(
        "channel [channel ...]",
        "2.0.0",
        "Be told of each sample of the readings.",
    ),
    row("time", 1, Read, Server, server::time).doc("", "2.6.0", "Return the device's time."),
    row("type", 2, Read, Generic, keyspace::type_name).keys(1, 1).doc("key", "1.0.0", "Return the type of a key."),
    row("unsubscribe", -1, Read, Pubsub, pubsub::unsubscribe).allowed_subscribed().long().doc(
        "[channel [channel ...]]",
        "2.0.0",
        "Stop being told of the readings.",
    ),
    Command::container("wifi", Wifi).doc("", OWN, "A container for Wi-Fi commands."),
    row("wifi|abort", 2, Write, Wifi, wifi::abort).doc(
        "",
        OWN,
        "Stop trying a network, or forget the staged one if none is being tried.",
    ),
    row("wifi|confirm", 2, Read, Wifi, wifi::confirm).doc(
        "",
        OWN,
        "Store the network that is being tried; replied when it is stored.",
    ),
    row("wifi|forget", 3, Write, Wifi, wifi::forget).doc("ssid", OWN, "Forget a stored network."),
    row("wifi|help", 2, Read, Wifi, help::help).long().doc("", OWN, "Show helpful text about the subcommands."),
    row("wifi|scan", 2, Write, Wifi, wifi::scan).long().doc(
        "",
        OWN,
        "List the networks in the air, the strongest first: name, signal in dBm, security.",
    ),
    row("wifi|status", 2, Read, Wifi, wifi::status).long().doc("", OWN, "Tell how the Wi-Fi is."),
    row("wifi|try", -2, Write, Wifi, wifi::try_network).doc(
        "[seconds]",
        OWN,
        "Join the staged network, wait for its address, and go back unless WIFI CONFIRM comes in time.",
    ),
    Command::container("wiring", Wiring).doc("", OWN, "A container for commands of what is wired."),
    row("wiring|drivers", 2, Read, Wiring, wiring::drivers).long().doc(
        "",
        OWN,
        "List the drivers, each with its words and what it reads or switches.",
    ),
    row("wiring|help", 2, Read, Wiring, help::help).long().doc("", OWN, "Show helpful text about the subcommands."),
    row("wiring|pins", 2, Read, Wiring, wiring::pins).long().doc(
        "",
        OWN,
        "List the pins, what each can do, and what uses it.",
    ),
    row("wiring|scan", -3, Write, Wiring, wiring::scan).long().doc(
        "sda=pin scl=pin|pin=pin",
        OWN,
        "List the addresses on an I2C bus, or the ROM codes on a 1-Wire bus.",
    ),
    row("wiring|status", 2, Read, Wiring, wiring::status).long().doc("", OWN, "Tell how each thing is that is wired."),
    row("xadd", -5, Write, Stream, xadd::xadd).keys(1, 1).doc(
        "key *|id value number",
        "5.0.0",
        "Take a sample of another device's reading, history:NODE.NAME.",
    ),
    Command::container("xinfo", Stream).doc("", "5.0.0", "A container for stream introspection commands."),
    row("xinfo|help", 2, Read, Stream, help::help).doc("", "5.0.0", "Show helpful text about the subcommands."),
    row("xinfo|stream", -3, Read, Stream, xinfo::stream).keys(2, 2).doc(
        "key",
        "5.0.0",
        "Tell about history:NAME: its length, its last ID, its ends.",
    ),
    row("xlen", 2, Read, Stream, stream::xlen).keys(1, 1).doc("key", "5.0.0", "Count the samples of history:NAME."),
    row("xrange", -4, Read, Stream, stream::xrange).keys(1, 1).long().doc(
        "key start end [COUNT count]",
        "5.0.0",
        "Get past samples, the oldest first.",
    ),
    row("xread", -4, Read, Stream, stream::xread).long().doc(
        "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
        "5.0.0",
        "Get the samples after an ID, or wait for one.",
    ),
    row("xrevrange", -4, Read, Stream, stream::xrevrange).keys(1, 1).long().doc(
        "key end start [COUNT count]",
        "5.0.0",
        "Get past samples, the newest first.",
    ),
];

/// Commands that people and scripts may try on a database. They are told what they are talking to, so that nobody
/// looks for a fault in a client.
static REFUSED: [&str; 36] = [
    "APPEND",
    "BGREWRITEAOF",
    "BGSAVE",
    "DEBUG",
    "DECR",
    "DEL",
    "DISCARD",
    "EVAL",
    "EVALSHA",
    "EXEC",
    "EXPIRE",
    "FAILOVER",
    "FCALL",
    "FLUSHALL",
    "FLUSHDB",
    "FUNCTION",
    "GETDEL",
    "GETSET",
    "HDEL",
    "HSET",
    "INCR",
    "LPUSH",
    "MIGRATE",
    "MSET",
    "MULTI",
    "PUBLISH",
    "RENAME",
    "REPLICAOF",
    "RESTORE",
    "SADD",
    "SAVE",
    "SCRIPT",
    "SETEX",
    "SHUTDOWN",
    "UNLINK",
    "WATCH",
];

/// Why a request names no command.
pub(crate) enum Unknown {
    /// No such command.
    Command,
    /// There is such a command, and it has no such subcommand.
    Subcommand(&'static Command),
    /// It has subcommands, and none was named.
    Arity(&'static Command),
    /// A command that a device doesn't have on purpose.
    Refused(&'static str),
}

/// The command that a request names, or its subcommand.
pub(crate) fn find(request: &Request<'_>) -> Result<&'static Command, Unknown> {
    let name = request.name();
    let Some(command) = lookup(name, None).filter(|command| !command.is_subcommand) else {
        return Err(refused(request.name()).map_or(Unknown::Command, Unknown::Refused));
    };
    match request.arg(1) {
        Some(sub) if has_subcommands(command) => lookup(name, Some(sub)).ok_or(Unknown::Subcommand(command)),
        None if command.is_container => Err(Unknown::Arity(command)),
        _ => Ok(command),
    }
}

/// The command, or the subcommand after `|`, that a client names in an argument, in any case.
pub(crate) fn by_any_name(name: &[u8]) -> Option<&'static Command> {
    lookup(name, None)
}

/// The command of this name, or its subcommand, in any case.
fn lookup(name: &[u8], sub: Option<&[u8]>) -> Option<&'static Command> {
    let len = name.len() + sub.map_or(0, |sub| 1 + sub.len());
    let (first, last) = (name.first()?, sub.unwrap_or(name).last()?);
    let mut place = place(len, *first, *last);
    loop {
        // 0 is an empty place, and there are some.
        let command = COMMANDS.get(usize::from(*INDEX.get(place)?).checked_sub(1)?)?;
        if command.name.len() == len && is_named(command, name, sub) {
            return Some(command);
        }
        place = (place + 1) % COMMAND_INDEX_LEN;
    }
}

/// Whether the command has this name, which is as long as its own.
fn is_named(command: &Command, name: &[u8], sub: Option<&[u8]>) -> bool {
    let own = command.name.as_bytes();
    let Some(sub) = sub else { return own.eq_ignore_ascii_case(name) };
    own.split_at_checked(name.len()).is_some_and(|(start, end)| {
        start.eq_ignore_ascii_case(name) && end.strip_prefix(b"|").is_some_and(|end| end.eq_ignore_ascii_case(sub))
    })
}

/// Where the commands are in [`COMMANDS`], counted from 1: each at the place of its name, or at the next that was free.
/// A search by halves takes six comparisons; this takes one or two.
static INDEX: [u8; COMMAND_INDEX_LEN] = {
    let mut index = [0; COMMAND_INDEX_LEN];
    let mut number = 0;
    while number < COMMANDS.len() {
        let name = COMMANDS[number].name.as_bytes();
        let mut place = place(name.len(), name[0], name[name.len() - 1]);
        while index[place] != 0 {
            place = (place + 1) % COMMAND_INDEX_LEN;
        }
        number += 1;
        index[place] = number as u8;
    }
    index
};

const _: () = assert!(COMMANDS.len() < COMMAND_INDEX_LEN && COMMANDS.len() < u8::MAX as usize);

/// The factors keep the commands furthest apart.
const fn place(len: usize, first: u8, last: u8) -> usize {
    (16 * len + 5 * (first | 0x20) as usize + (last | 0x20) as usize) % COMMAND_INDEX_LEN
}

/// COMMAND itself does something without one.
pub(crate) fn has_subcommands(command: &Command) -> bool {
    command.is_container || command.name == "command"
}

/// The subcommands of a command.
pub fn subcommands(command: &Command) -> impl Iterator<Item = &'static Command> {
    let name = command.name;
    COMMANDS.iter().filter(move |sub| sub.parent() == Some(name))
}

fn refused(name: &[u8]) -> Option<&'static str> {
    REFUSED.iter().find(|refused| refused.as_bytes().eq_ignore_ascii_case(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::COMMAND_NAME_LEN_MAX;

    #[test]
    fn the_table_is_sorted_and_complete() {
        for pair in COMMANDS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
        }
        for command in &COMMANDS {
            assert!(command.name.len() <= COMMAND_NAME_LEN_MAX);
            let found = by_any_name(command.name.to_uppercase().as_bytes()).unwrap();
            assert!(core::ptr::eq(found, command), "{}", command.name);
            assert!(!command.summary.is_empty() && command.summary.ends_with('.'), "{}", command.name);
            assert_eq!(command.name, command.name.to_lowercase());
            assert_eq!(command.since.split('.').count(), 3, "{}", command.name);
            if let Some(parent) = command.parent() {
                assert!(has_subcommands(by_any_name(parent.as_bytes()).unwrap()), "{parent}");
            }
            if command.is_container {
                assert!(subcommands(command).any(|sub| sub.name.ends_with("|help")), "{}", command.name);
            }
        }
        for name in ["", "g", "gets", "gex", "get|", "client|", "|id", "client|x"] {
            assert!(by_any_name(name.as_bytes()).is_none(), "{name}");
        }
        assert!(REFUSED.is_sorted());
        assert!(REFUSED.iter().all(|name| by_any_name(name.as_bytes()).is_none()));
    }
}
