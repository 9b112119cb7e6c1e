//! The commands, a file for each group, and what comes before any of them runs.

use core::fmt::{self, Write};

use sockeye_resp::{LossyUtf8, Request};

use crate::command::{Access, Command, CommandContext, CommandResult, Flow, InTransaction, Unknown};

pub(crate) mod acl;
pub(crate) mod auth_commands;
pub(crate) mod client_commands;
pub(crate) mod command_docs;
pub(crate) mod commit;
pub(crate) mod config;
pub(crate) mod connection_commands;
pub(crate) mod firmware_commands;
pub(crate) mod hash_commands;
pub(crate) mod help;
pub(crate) mod key_commands;
pub(crate) mod pubsub_commands;
pub(crate) mod rule_commands;
pub(crate) mod server_commands;
pub(crate) mod slowlog_commands;
pub(crate) mod stream_commands;
pub(crate) mod transaction_commands;
pub(crate) mod ts;
pub(crate) mod ts_labels;
pub(crate) mod wifi_commands;
pub(crate) mod wiring_commands;
pub(crate) mod xadd;
pub(crate) mod xinfo;

/// The error to a client that may not change anything.
pub(crate) const DENIED: &str = "DENIED no token is set on this device, so changes are accepted only over its own access point. \
    Set one there with CONFIG SET auth.token, and then AUTH from anywhere";

/// Runs a request.
///
/// The order of the checks is Redis's: an unknown command is unknown to everyone, and so is its arity.
#[inline]
pub(crate) fn run(cx: &mut CommandContext<'_, '_>, command: Result<(u8, &'static Command), Unknown>) -> Flow {
    let result = match command {
        Ok((number, command)) => match admit(cx, number, command) {
            None => match queue(cx, command) {
                None => (command.run)(cx),
                Some(queued) => queued,
            },
            Some(refused) => {
                // Without the refused command the transaction is not the client's.
                transaction_commands::abort(cx);
                refused
            }
        },
        Err(unknown) => {
            transaction_commands::abort(cx);
            refuse_unknown(cx, unknown)
        }
    };
    flow(cx, result)
}

/// Goes on with a request that was admitted when the reply's first part was written.
pub(crate) fn go_on(cx: &mut CommandContext<'_, '_>, command: &'static Command) -> Flow {
    let result = (command.run)(cx);
    flow(cx, result)
}

/// The connection's next step. An error takes the place of the reply so far.
fn flow(cx: &mut CommandContext<'_, '_>, result: CommandResult) -> Flow {
    result.unwrap_or_else(|error| {
        cx.state.count_error();
        cx.reply.rewind();
        cx.reply.error(error);
        Flow::Continue
    })
}

/// Whether the command may run now: None if it may, and the reply to it if it was refused.
fn admit(cx: &mut CommandContext<'_, '_>, number: u8, command: &'static Command) -> Option<CommandResult> {
    if !command.takes(cx.request.len()) {
        let name = command.name;
        if name == transaction_commands::EXEC && cx.session().transaction.is_open() {
            return Some(transaction_commands::refuse_exec(cx));
        }
        return Some(cx.refuse(format_args!("ERR wrong number of arguments for '{name}' command")));
    }
    if let Err(error) = check_access(cx, command) {
        return Some(Err(error));
    }
    let session = cx.session();
    session.command = number;
    if session.is_restricted() && !command.is_allowed_subscribed {
        let name = command.name;
        return Some(cx.refuse(format_args!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
             this context"
        )));
    }
    None
}

/// Whether the session may call the command.
///
/// # Errors
/// The error with the reason.
pub(crate) fn check_access(cx: &CommandContext<'_, '_>, command: &Command) -> Result<(), &'static str> {
    match command.access {
        Access::Read | Access::Write if !cx.state.may_read(cx.key) => Err("NOAUTH Authentication required."),
        Access::Write if !cx.state.may_write(cx.key) => Err(DENIED),
        _ => Ok(()),
    }
}

/// The reply to a command between MULTI and EXEC; None if the command runs now.
fn queue(cx: &mut CommandContext<'_, '_>, command: &'static Command) -> Option<CommandResult> {
    if !cx.session().transaction.is_open() || command.in_transaction == InTransaction::Immediate {
        return None;
    }
    Some(match command.in_transaction {
        InTransaction::Refused => {
            transaction_commands::abort(cx);
            Err("ERR Command not allowed inside a transaction")
        }
        _ => transaction_commands::queue(cx),
    })
}

fn refuse_unknown(cx: &mut CommandContext<'_, '_>, unknown: Unknown) -> CommandResult {
    let request = cx.request;
    match unknown {
        Unknown::Command => cx.refuse(format_args!(
            "ERR unknown command '{}', with args beginning with: {}",
            LossyUtf8(request.name()),
            FirstArgs(*request)
        )),
        Unknown::Subcommand(command) => cx.refuse(format_args!(
            "ERR unknown subcommand '{}'. Try {} HELP.",
            LossyUtf8(cx.arg(1)),
            Upper(command.name)
        )),
        Unknown::Arity(command) => {
            cx.refuse(format_args!("ERR wrong number of arguments for '{}' command", command.name))
        }
        Unknown::Refused(name) => cx.refuse(format_args!("ERR {name} is refused: this is a device, not a database")),
    }
}

/// The first arguments of an unknown command as Redis shows them: in quotes, 128 bytes of them in all.
struct FirstArgs<'a>(Request<'a>);

impl fmt::Display for FirstArgs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = sockeye_resp::limits::LOSSY_UTF8_LEN_MAX;
        for arg in self.0.args().skip(1) {
            if room == 0 {
                break;
            }
            let shown = arg.get(..room).unwrap_or(arg);
            write!(f, "'{}' ", LossyUtf8(shown))?;
            room = room.saturating_sub(shown.len() + "'' ".len());
        }
        Ok(())
    }
}

/// A name in upper case.
pub(crate) struct Upper<'a>(pub(crate) &'a str);

impl fmt::Display for Upper<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| f.write_char(c.to_ascii_uppercase()))
    }
}
