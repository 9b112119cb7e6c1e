//! docs/commands.md, which is made from the command table, and docs/protocol.md.

use std::fmt::Write;
use std::path::Path;

use sockeye_device::command_table::{Access, COMMANDS, Command, Group};

/// The document as it should be.
fn commands_md() -> String {
    let mut text = String::from(
        "# Commands\n\n\
         This page is made from the command table in `crates/device/src/command_table.rs`, and a test compares both.\n\
         After a change of the table, run the test with `SOCKEYE_BLESS=1` in the environment to write the page anew.\n\n\
         The case of a command's name does not matter. *Open* commands need no AUTH. *Read* and *write* commands need\n\
         AUTH once a token is set. While no token is set, write commands are accepted over the device's access point\n\
         and over loopback only. *Since* is the version of Redis that had the command first, for TS the version of\n\
         RedisTimeSeries. FIRMWARE, RULE, WIFI, WIRING, CONFIG FACTORYRESET and RESTART are Sockeye's own, and have\n\
         its version.\n",
    );
    let groups = [
        (Group::Connection, "Connection"),
        (Group::String, "Readings and outputs"),
        (Group::Generic, "Keys"),
        (Group::Hash, "Descriptions"),
        (Group::Stream, "History"),
        (Group::TimeSeries, "A day of history"),
        (Group::Pubsub, "Subscriptions"),
        (Group::Transactions, "Transactions"),
        (Group::Wifi, "Wi-Fi"),
        (Group::Wiring, "Wiring"),
        (Group::Rule, "Rules"),
        (Group::Firmware, "Firmware"),
        (Group::Server, "Server"),
    ];
    for (group, title) in groups {
        write!(text, "\n## {title}\n\n| command | who | since | what it does |\n|---|---|---|---|\n").unwrap();
        for command in COMMANDS.iter().filter(|command| command.group == group && !command.is_container) {
            row(&mut text, command);
        }
    }
    let in_groups = |command: &&Command| groups.iter().any(|(group, _)| command.group == *group);
    assert_eq!(COMMANDS.iter().filter(in_groups).count(), COMMANDS.len(), "a group is missing");
    text
}

fn row(text: &mut String, command: &Command) {
    let name = command.name.to_uppercase().replace('|', " ");
    let syntax = format!("{name} {}", command.syntax).trim_end().replace('|', "\\|");
    let who = match command.access {
        Access::Open => "open",
        Access::Read => "read",
        Access::Write => "write",
    };
    writeln!(text, "| `{syntax}` | {who} | {} | {} |", command.since, command.summary).unwrap();
}

#[test]
fn commands_md_is_not_stale() {
    // The workspace that runs this test is `simulation`.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let expected = commands_md();
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/commands.md is stale: run this test with SOCKEYE_BLESS=1");
}

/// Numbers that docs/protocol.md tells.
#[test]
fn protocol_md_tells_the_limits() {
    use sockeye_device::limits::*;
    use sockeye_wifi::limits::*;
    // The workspace that runs this test is `simulation`.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let rows = [
        ("Clients at once", SESSIONS_MAX),
        ("Arguments of a request", sockeye_resp::limits::ARGS_MAX),
        ("Arguments of a request before AUTH", sockeye_resp::limits::ARGS_MAX_UNAUTHENTICATED),
        ("Bytes of an argument", sockeye_resp::limits::BULK_LEN_MAX),
        ("Bytes of an argument before AUTH", sockeye_resp::limits::BULK_LEN_MAX_UNAUTHENTICATED),
        ("Bytes of a request", sockeye_resp::limits::REQUEST_LEN_MAX),
        ("Bytes of an inline request", sockeye_resp::limits::INLINE_LEN_MAX),
        ("Readings", READINGS_MAX),
        ("Outputs", OUTPUTS_MAX),
        ("Rules", RULES_MAX),
        ("Bytes of a rule", RULE_LEN_MAX),
        ("Bytes of all rules", RULES_TEXT_LEN_MAX),
        ("Bytes of a name", NAME_LEN_MAX),
        ("Readings of other devices, at most", REMOTES_MAX),
        ("Bytes of the name of such a reading, of a channel or a pattern", CHANNEL_LEN_MAX),
        ("Samples in the history of a reading", HISTORY_LEN),
        ("Minutes that are kept of a reading with a day", DAY_MINUTES),
        ("Readings with a day, at most", DAYS_MAX),
        ("Labels in one SELECTED_LABELS", SELECTED_LABELS_MAX),
        ("Streams in one XREAD", STREAMS_MAX),
        ("Channels and patterns of a connection", SUBSCRIPTIONS_MAX),
        ("Messages that wait for a connection", MAILBOX_LEN),
        ("Commands that wait for MONITOR", MONITOR_LINES_MAX),
        ("Commands in the slow log", SLOWLOG_LEN),
        ("Keys in one reply to SCAN", SCAN_KEYS_MAX),
        ("Bytes of a client's name", CLIENT_NAME_LEN_MAX),
        ("Networks that are stored", NETWORKS_MAX),
        ("Networks in one reply to WIFI SCAN", HEARD_MAX),
        ("Bytes of a network's name", SSID_LEN_MAX),
        ("Bytes of a token, at least", TOKEN_LEN_MIN),
        ("Bytes of a token, at most", TOKEN_LEN_MAX),
        ("Changes of settings that are stored in a row", CHANGES_MAX.into()),
        ("Wrong tokens after which a connection is closed", AUTH_SESSION_FAILURES_MAX.into()),
    ];
    for (what, limit) in rows {
        assert!(text.contains(&format!("| {what} | {limit} |")), "{what}: {limit}");
    }
}
