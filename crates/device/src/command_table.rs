//! The command table. Dispatch, COMMAND, HELP and docs/commands.md are made from it.

use crate::command::CommandTable;
pub use crate::command::{Access, Command, Group, Keys};
use crate::commands::{
    acl, auth_commands as auth, client_commands as client, command_docs as command, config,
    connection_commands as connection, firmware_commands as firmware, hash_commands as meta, help,
    key_commands as keyspace, pubsub_commands as pubsub, rule_commands as rule, server_commands as server,
    slowlog_commands as slowlog, stream_commands as stream, transaction_commands as transaction, ts,
    wifi_commands as wifi, wiring_commands as wiring, xadd, xinfo,
};
use crate::limits::COMMAND_INDEX_LEN;

use Access::{Open, Read, Write};
use Group::{
    Connection, Firmware, Generic, Hash, Pubsub, Rule, Server, Stream, String, TimeSeries, Transactions, Wifi, Wiring,
};

const fn row(name: &'static str, arity: i8, access: Access, group: Group, run: crate::command::Run) -> Command {
    Command::new(name, arity, access, group, run)
}

/// The `since` of commands that Redis doesn't have: the version of Sockeye that had them first.
const DEVICE_SINCE: &str = "0.1.0";

/// All commands, each followed by its subcommands, sorted by name.
pub static COMMANDS: [Command; 117] = [
    Command::container("acl", Server).doc("", "6.0.0", "A container for Access List Control commands."),
    row("acl|whoami", 2, Read, Server, acl::whoami).doc("", "6.0.0", "Return the name of the only user, default."),
    row("auth", -2, Open, Connection, auth::auth).no_multi().secret().doc(
        "[username] password",
        "1.0.0",
        "Authenticate with the device's token; the username is default.",
    ),
    Command::container("client", Connection).doc("", "2.4.0", "A container for client connection commands."),
    row("client|caching", 3, Read, Connection, client::caching).no_multi().doc(
        "YES|NO",
        "6.0.0",
        "Refused, and with it the next transaction: a device invalidates no caches.",
    ),
    row("client|getname", 2, Read, Connection, client::getname).doc("", "2.6.9", "Get the current connection's name."),
    row("client|id", 2, Read, Connection, client::id).doc("", "5.0.0", "Return the current connection's ID."),
    row("client|info", 2, Read, Connection, client::info).repeatable().long().doc(
        "",
        "6.2.0",
        "Describe the current connection.",
    ),
    row("client|kill", -3, Write, Connection, client::kill).doc(
        "ip:port|[ID client-id] [ADDR ip:port] [SKIPME yes|no]",
        "2.4.0",
        "Close the connection of a client.",
    ),
    row("client|list", -2, Read, Connection, client::list).repeatable().long().doc(
        "[TYPE normal|master|replica|pubsub] [ID client-id [client-id ...]]",
        "2.4.0",
        "List the connected clients.",
    ),
    row("client|no-evict", 3, Read, Connection, client::on_or_off).doc("ON|OFF", "7.0.0", "Do nothing."),
    row("client|no-touch", 3, Read, Connection, client::on_or_off).doc("ON|OFF", "7.2.0", "Do nothing."),
    row("client|reply", 3, Read, Connection, client::reply).no_multi().doc(
        "ON|OFF|SKIP",
        "3.2.0",
        "ON does nothing; OFF and SKIP are refused, and end the connection.",
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
    row("client|tracking", -3, Read, Connection, client::tracking).doc(
        "ON|OFF [OPTIN] [NOLOOP]",
        "6.0.0",
        "Accept OPTIN, with which nothing is cached.",
    ),
    row("command", -1, Read, Server, command::command).repeatable().long().doc("", "2.8.13", "Describe all commands."),
    row("command|count", 2, Read, Server, command::count).doc("", "2.8.13", "Count the commands."),
    row("command|docs", -2, Read, Server, command::docs).repeatable().long().doc(
        "[command-name [command-name ...]]",
        "7.0.0",
        "Document some or all commands.",
    ),
    row("command|info", -2, Read, Server, command::info).repeatable().long().doc(
        "[command-name [command-name ...]]",
        "2.8.13",
        "Describe some or all commands.",
    ),
    row("command|list", -2, Read, Server, command::list).repeatable().long().doc(
        "[FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]",
        "7.0.0",
        "List the names of the commands.",
    ),
    Command::container("config", Server).doc("", "2.0.0", "A container for server configuration commands."),
    Command::commit("config|factoryreset", 2, Write, Server, config::factory_reset).doc(
        "",
        DEVICE_SINCE,
        "Forget all settings and networks, and wipe them from flash.",
    ),
    row("config|get", -3, Read, Server, config::get).repeatable().long().doc(
        "parameter [parameter ...]",
        "2.0.0",
        "Get the parameters that match the patterns; never a secret.",
    ),
    Command::commit("config|set", -4, Write, Server, config::set).secret().doc(
        "parameter value [parameter value ...]",
        "2.0.0",
        "Set parameters, all or none; replied when it is stored.",
    ),
    row("dbsize", 1, Read, Server, keyspace::dbsize).doc("", "1.0.0", "Count the keys."),
    row("discard", 1, Read, Transactions, transaction::discard).immediate().doc(
        "",
        "2.0.0",
        "Drop the queued commands, and leave the transaction.",
    ),
    row("echo", 2, Read, Connection, connection::echo).repeatable().doc("message", "1.0.0", "Return the message."),
    row(transaction::EXEC, 1, Read, Transactions, transaction::exec).immediate().long().doc(
        "",
        "1.2.0",
        "Run the queued commands.",
    ),
    row("exists", -2, Read, Generic, keyspace::exists).repeatable().keys(1, -1).doc(
        "key [key ...]",
        "1.0.0",
        "Count how many of the keys have a value.",
    ),
    Command::container("firmware", Firmware).doc(
        "",
        DEVICE_SINCE,
        "A container for commands of the firmware's update.",
    ),
    row("firmware|abort", 2, Write, Firmware, firmware::abort).no_multi().doc(
        "",
        DEVICE_SINCE,
        "Forget the image that was received, or end the trial: then the firmware before is restarted.",
    ),
    row("firmware|begin", -5, Write, Firmware, firmware::begin).no_multi().doc(
        "size sha256 signature [RESTART]",
        DEVICE_SINCE,
        "Announce an image, or go on with the same one, and return the next offset.",
    ),
    row("firmware|confirm", 2, Write, Firmware, firmware::confirm).no_multi().doc(
        "",
        DEVICE_SINCE,
        "Keep the firmware that is on trial.",
    ),
    row("firmware|status", 2, Read, Firmware, firmware::status).repeatable().long().doc(
        "",
        DEVICE_SINCE,
        "Tell which firmware runs, and how its update is.",
    ),
    row("firmware|try", -2, Write, Firmware, firmware::try_image).no_multi().doc(
        "[seconds]",
        DEVICE_SINCE,
        "Verify the image, restart into it, and go back unless FIRMWARE CONFIRM comes in time.",
    ),
    row("firmware|write", 4, Write, Firmware, firmware::write).no_multi().secret().doc(
        "offset data",
        DEVICE_SINCE,
        "Take the next bytes of the image, 512 at most, and return the next offset.",
    ),
    row("get", 2, Read, String, keyspace::get).repeatable().keys(1, 1).doc(
        "key",
        "1.0.0",
        "Get the latest value of a reading, or the value of an output.",
    ),
    row("hello", -1, Open, Connection, connection::hello).no_multi().secret().doc(
        "[protover [AUTH username password] [SETNAME clientname]]",
        "6.0.0",
        "Choose the version of RESP, and log in.",
    ),
    row("hexists", 3, Read, Hash, meta::hexists).repeatable().keys(1, 1).doc(
        "key field",
        "2.0.0",
        "Tell whether meta:NAME has a field.",
    ),
    row("hget", 3, Read, Hash, meta::hget).repeatable().keys(1, 1).doc(
        "key field",
        "2.0.0",
        "Get a field of meta:NAME.",
    ),
    row("hgetall", 2, Read, Hash, meta::hgetall).repeatable().keys(1, 1).long().doc(
        "key",
        "2.0.0",
        "Get all that meta:NAME tells about a reading or output.",
    ),
    row("hkeys", 2, Read, Hash, meta::hkeys).repeatable().keys(1, 1).doc(
        "key",
        "2.0.0",
        "Get the fields of meta:NAME.",
    ),
    row("hlen", 2, Read, Hash, meta::hlen).repeatable().keys(1, 1).doc(
        "key",
        "2.0.0",
        "Count the fields of meta:NAME.",
    ),
    row("hmget", -3, Read, Hash, meta::hmget).repeatable().keys(1, 1).long().doc(
        "key field [field ...]",
        "2.0.0",
        "Get several fields of meta:NAME.",
    ),
    row("hscan", -3, Read, Hash, meta::hscan).repeatable().keys(1, 1).long().doc(
        "key cursor [MATCH pattern] [COUNT count]",
        "2.8.0",
        "Get the fields of meta:NAME that match, with their values.",
    ),
    row("info", -1, Read, Server, server::info).repeatable().long().doc(
        "[section [section ...]]",
        "1.0.0",
        "Tell how the device is.",
    ),
    row("keys", 2, Read, Generic, keyspace::keys).repeatable().long().doc(
        "pattern",
        "1.0.0",
        "List the keys that match a pattern.",
    ),
    Command::container("latency", Server).doc("", "2.8.13", "A container for latency diagnostics commands."),
    row("latency|histogram", -2, Read, Server, server::empty_map).doc(
        "[command [command ...]]",
        "7.0.0",
        "Return nothing: the device keeps no histograms.",
    ),
    row("latency|latest", 2, Read, Server, server::empty_array).doc(
        "",
        "2.8.13",
        "Return nothing: the device records no latency events.",
    ),
    Command::container("memory", Server).doc("", "4.0.0", "A container for memory diagnostics commands."),
    row("memory|usage", -3, Read, Server, keyspace::memory_usage).keys(2, 2).doc(
        "key [SAMPLES count]",
        "4.0.0",
        "Estimate the memory of a key, in bytes.",
    ),
    row("mget", -2, Read, String, keyspace::mget).repeatable().keys(1, -1).long().doc(
        "key [key ...]",
        "1.0.0",
        "Get several values.",
    ),
    Command::container("module", Server).doc("", "4.0.0", "A container for module commands."),
    row("module|list", 2, Read, Server, server::empty_array).doc("", "4.0.0", "List the modules: there are none."),
    row("monitor", 1, Write, Server, server::monitor).no_multi().doc("", "1.0.0", "Watch the commands of all clients."),
    row("multi", 1, Read, Transactions, transaction::multi).immediate().doc(
        "",
        "1.2.0",
        "Queue the next commands until EXEC.",
    ),
    Command::container("object", Generic).doc("", "2.2.3", "A container for object introspection commands."),
    row("object|encoding", 3, Read, Generic, keyspace::object_encoding).repeatable().keys(2, 2).doc(
        "key",
        "2.2.3",
        "Return how Redis would store such a value.",
    ),
    row("ping", -1, Open, Connection, connection::ping).repeatable().allowed_subscribed().doc(
        "[message]",
        "1.0.0",
        "Return PONG, or the message.",
    ),
    row("psubscribe", -2, Read, Pubsub, pubsub::psubscribe).no_multi().allowed_subscribed().long().doc(
        "pattern [pattern ...]",
        "2.0.0",
        "Be told of each sample of the readings that match.",
    ),
    row("pttl", 2, Read, Generic, keyspace::pttl).repeatable().keys(1, 1).doc(
        "key",
        "2.6.0",
        "Return after how many milliseconds the reading of another device expires.",
    ),
    Command::container("pubsub", Pubsub).doc("", "2.8.0", "A container for Pub/Sub commands."),
    row("pubsub|channels", -2, Read, Pubsub, pubsub::channels).long().doc(
        "[pattern]",
        "2.8.0",
        "List the channels that have subscribers.",
    ),
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
    row("punsubscribe", -1, Read, Pubsub, pubsub::punsubscribe).no_multi().allowed_subscribed().long().doc(
        "[pattern [pattern ...]]",
        "2.0.0",
        "Stop being told of the readings that match.",
    ),
    row("quit", -1, Open, Connection, connection::quit).immediate().allowed_subscribed().doc(
        "",
        "1.0.0",
        "Close the connection.",
    ),
    row("reset", 1, Open, Connection, connection::reset).immediate().allowed_subscribed().doc(
        "",
        "6.2.0",
        "Make the connection as new.",
    ),
    row("restart", 1, Write, Server, server::restart).no_multi().doc(
        "",
        DEVICE_SINCE,
        "Restart the device, with the settings that are stored.",
    ),
    Command::container("rule", Rule).doc("", DEVICE_SINCE, "A container for commands of the rules."),
    row("rule|status", 2, Read, Rule, rule::status).repeatable().long().doc(
        "",
        DEVICE_SINCE,
        "Tell how each rule is: its condition, since when, and how often it has set its output.",
    ),
    row("scan", -2, Read, Generic, keyspace::scan).repeatable().long().doc(
        "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        "2.8.0",
        "List the keys bit by bit.",
    ),
    row("select", 2, Read, Connection, connection::select).doc("index", "1.0.0", "Select database 0, the only one."),
    row("set", -3, Write, String, keyspace::set).keys(1, 1).doc("key value", "1.0.0", "Switch an output."),
    Command::container("slowlog", Server).doc("", "2.2.12", "A container for slow log commands."),
    row("slowlog|get", -2, Read, Server, slowlog::get).repeatable().long().doc(
        "[count]",
        "2.2.12",
        "List the commands that took long.",
    ),
    row("slowlog|len", 2, Read, Server, slowlog::len).doc("", "2.2.12", "Count the commands in the slow log."),
    row("slowlog|reset", 2, Write, Server, slowlog::reset).doc("", "2.2.12", "Empty the slow log."),
    row("strlen", 2, Read, String, keyspace::strlen).repeatable().keys(1, 1).doc(
        "key",
        "2.2.0",
        "Return the length of a value.",
    ),
    row("subscribe", -2, Read, Pubsub, pubsub::subscribe).no_multi().allowed_subscribed().long().doc(
        "channel [channel ...]",
        "2.0.0",
        "Be told of each sample of the readings, and with the channel log of each line of the log.",
    ),
    row("time", 1, Read, Server, server::time).doc("", "2.6.0", "Return the device's time."),
    row("ts.get", -2, Read, TimeSeries, ts::get).repeatable().keys(1, 1).doc(
        "key [LATEST]",
        "1.0.0",
        "Get the newest sample of a reading, with its time.",
    ),
    row("ts.info", 2, Read, TimeSeries, ts::info).repeatable().keys(1, 1).long().doc(
        "key",
        "1.0.0",
        "Tell what is kept of a reading.",
    ),
    row("ts.mget", -3, Read, TimeSeries, ts::mget).repeatable().long().doc(
        "[LATEST] [WITHLABELS] FILTER filter [filter ...]",
        "1.0.0",
        "Get the newest samples of the readings that match.",
    ),
    row("ts.mrange", -4, Read, TimeSeries, ts::mrange).repeatable().long().doc(
        "from to [COUNT count] [AGGREGATION aggregation milliseconds] [WITHLABELS] FILTER filter [filter ...]",
        "1.0.0",
        "Get a day of the readings that match, the oldest first.",
    ),
    row("ts.mrevrange", -4, Read, TimeSeries, ts::mrevrange).repeatable().long().doc(
        "from to [COUNT count] [AGGREGATION aggregation milliseconds] [WITHLABELS] FILTER filter [filter ...]",
        "1.4.0",
        "Get a day of the readings that match, the newest first.",
    ),
    row("ts.queryindex", -2, Read, TimeSeries, ts::queryindex).repeatable().long().doc(
        "filter [filter ...]",
        "1.0.0",
        "List the readings that match.",
    ),
    row("ts.range", -4, Read, TimeSeries, ts::range).repeatable().keys(1, 1).long().doc(
        "key from to [COUNT count] [ALIGN align] [AGGREGATION aggregation milliseconds]",
        "1.0.0",
        "Get a day of a reading, the oldest first.",
    ),
    row("ts.revrange", -4, Read, TimeSeries, ts::revrange).repeatable().keys(1, 1).long().doc(
        "key from to [COUNT count] [ALIGN align] [AGGREGATION aggregation milliseconds]",
        "1.4.0",
        "Get a day of a reading, the newest first.",
    ),
    row("ttl", 2, Read, Generic, keyspace::ttl).repeatable().keys(1, 1).doc(
        "key",
        "1.0.0",
        "Return after how many seconds the reading of another device expires.",
    ),
    row("type", 2, Read, Generic, keyspace::type_name).repeatable().keys(1, 1).doc(
        "key",
        "1.0.0",
        "Return the type of a key.",
    ),
    row("unsubscribe", -1, Read, Pubsub, pubsub::unsubscribe).no_multi().allowed_subscribed().long().doc(
        "[channel [channel ...]]",
        "2.0.0",
        "Stop being told of the readings, or of the log.",
    ),
    row("unwatch", 1, Read, Transactions, transaction::unwatch).doc("", "2.2.0", "Do nothing: no key is watched."),
    row("watch", -2, Read, Transactions, transaction::watch).keys(1, -1).no_multi().doc(
        "key [key ...]",
        "2.2.0",
        "Refused, and with it the next transaction: a device watches no keys.",
    ),
    Command::container("wifi", Wifi).doc("", DEVICE_SINCE, "A container for Wi-Fi commands."),
    row("wifi|abort", 2, Write, Wifi, wifi::abort).doc(
        "",
        DEVICE_SINCE,
        "Stop trying a network, or forget the staged one if none is being tried.",
    ),
    Command::commit("wifi|confirm", 2, Read, Wifi, wifi::confirm).doc(
        "",
        DEVICE_SINCE,
        "Store the network that is being tried; replied when it is stored.",
    ),
    Command::commit("wifi|forget", 3, Write, Wifi, wifi::forget).doc("ssid", DEVICE_SINCE, "Forget a stored network."),
    row("wifi|scan", 2, Write, Wifi, wifi::scan).no_multi().long().doc(
        "",
        DEVICE_SINCE,
        "List the networks in the air, the strongest first: name, signal in dBm, security.",
    ),
    row("wifi|status", 2, Read, Wifi, wifi::status).repeatable().long().doc("", DEVICE_SINCE, "Tell how the Wi-Fi is."),
    row("wifi|try", -2, Write, Wifi, wifi::try_network).no_multi().doc(
        "[seconds]",
        DEVICE_SINCE,
        "Join the staged network, wait for its address, and go back unless WIFI CONFIRM comes in time.",
    ),
    Command::container("wiring", Wiring).doc("", DEVICE_SINCE, "A container for commands of what is wired."),
    row("wiring|drivers", 2, Read, Wiring, wiring::drivers).repeatable().long().doc(
        "",
        DEVICE_SINCE,
        "List the drivers, each with its words and what it reads or switches.",
    ),
    row("wiring|pins", 2, Read, Wiring, wiring::pins).repeatable().long().doc(
        "",
        DEVICE_SINCE,
        "List the pins, what each can do, and what uses it.",
    ),
    row("wiring|scan", -3, Write, Wiring, wiring::scan).no_multi().long().doc(
        "sda=pin scl=pin|pin=pin",
        DEVICE_SINCE,
        "List the addresses on an I2C bus, or the ROM codes on a 1-Wire bus.",
    ),
    row("wiring|status", 2, Read, Wiring, wiring::status).repeatable().long().doc(
        "",
        DEVICE_SINCE,
        "Tell how each thing is that is wired.",
    ),
    row("xadd", -5, Write, Stream, xadd::xadd).keys(1, 1).doc(
        "key *|id value number",
        "5.0.0",
        "Take a sample of another device's reading, history:NODE.NAME.",
    ),
    Command::container("xinfo", Stream).doc("", "5.0.0", "A container for stream introspection commands."),
    row("xinfo|consumers", 4, Read, Stream, xinfo::consumers).repeatable().keys(2, 2).doc(
        "key group",
        "5.0.0",
        "Refused: a history has no consumer groups.",
    ),
    row("xinfo|groups", 3, Read, Stream, xinfo::groups).repeatable().keys(2, 2).doc(
        "key",
        "5.0.0",
        "Return nothing: a history has no consumer groups.",
    ),
    row("xinfo|stream", -3, Read, Stream, xinfo::stream).repeatable().keys(2, 2).doc(
        "key",
        "5.0.0",
        "Describe history:NAME or the log: its length, its last ID, its ends.",
    ),
    row("xlen", 2, Read, Stream, stream::xlen).repeatable().keys(1, 1).doc(
        "key",
        "5.0.0",
        "Count the samples of history:NAME, or the lines of the log.",
    ),
    row("xrange", -4, Read, Stream, stream::xrange).repeatable().keys(1, 1).long().doc(
        "key start end [COUNT count]",
        "5.0.0",
        "Get past samples, or lines of the log, the oldest first.",
    ),
    row("xread", -4, Read, Stream, stream::xread).repeatable().long().doc(
        "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
        "5.0.0",
        "Get the samples or the lines after an ID, or wait for one.",
    ),
    row("xrevrange", -4, Read, Stream, stream::xrevrange).repeatable().keys(1, 1).long().doc(
        "key end start [COUNT count]",
        "5.0.0",
        "Get past samples, or lines of the log, the newest first.",
    ),
];

/// HELP of each command that has subcommands.
static HELP: Command = row("help", 2, Read, Server, help::help).repeatable().long();

/// Commands that people and scripts may try on a database. The error names a device, so that nobody looks for a fault
/// in a client.
static REFUSED: [&str; 32] = [
    "APPEND",
    "BGREWRITEAOF",
    "BGSAVE",
    "DEBUG",
    "DECR",
    "DEL",
    "EVAL",
    "EVALSHA",
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
];

/// The table as dispatch and commands see it.
pub(crate) static TABLE: CommandTable = CommandTable::new(&COMMANDS, &HELP, &REFUSED);

const _: () = assert!(COMMANDS.len() < COMMAND_INDEX_LEN && COMMANDS.len() + 1 < u8::MAX as usize);

/// The subcommands of a command.
pub fn subcommands(command: &Command) -> impl Iterator<Item = &'static Command> {
    TABLE.subcommands(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest name of a command with its subcommand, `pubsub|shardchannels` in Redis.
    const NAME_LEN_MAX: usize = 24;

    #[test]
    fn the_table_is_sorted_and_complete() {
        for pair in COMMANDS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
        }
        for command in &COMMANDS {
            assert!(command.name.len() <= NAME_LEN_MAX);
            let found = TABLE.by_any_name(command.name.to_uppercase().as_bytes()).unwrap();
            assert!(core::ptr::eq(found, command), "{}", command.name);
            assert!(!command.summary.is_empty() && command.summary.ends_with('.'), "{}", command.name);
            assert_eq!(command.name, command.name.to_lowercase());
            assert_eq!(command.since.split('.').count(), 3, "{}", command.name);
            if let Some(parent) = command.parent() {
                assert!(TABLE.by_any_name(parent.as_bytes()).unwrap().has_subcommands(), "{parent}");
            }
            assert_eq!(command.has_subcommands(), subcommands(command).count() > 0, "{}", command.name);
            assert!(!command.name.ends_with("|help"), "{}: HELP is the same for all", command.name);
        }
        for name in ["", "g", "gets", "gex", "get|", "client|", "|id", "client|x"] {
            assert!(TABLE.by_any_name(name.as_bytes()).is_none(), "{name}");
        }
        assert!(REFUSED.is_sorted());
        assert!(REFUSED.iter().all(|name| TABLE.by_any_name(name.as_bytes()).is_none()));
    }
}
