//! MULTI, EXEC and their kin.
//!
//! Commands between MULTI and EXEC stay in the connection's receive buffer, so that a transaction takes no memory of
//! its own. The receive buffer bounds its length. At EXEC the connection's loop (`request_loop`) decodes the commands
//! again and runs them one after the other.
//!
//! A command that is refused between MULTI and EXEC makes EXEC refuse all of them, as in Redis.

use crate::command::{CommandContext, CommandResult, Flow};
use crate::sessions::session::Transaction;

/// The reply to each command of a transaction that has outgrown the receive buffer.
const TOO_LONG: &str = "ERR the transaction is too long: its commands may have 1000 bytes together";

/// The name of EXEC, as the command table has it.
pub(crate) const EXEC: &str = "exec";

pub(crate) fn multi(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let session = cx.session();
    match session.transaction {
        Transaction::None => (),
        // A nested MULTI stays among the queued commands. Its reply came when it was refused.
        Transaction::Running => return Ok(Flow::Continue),
        Transaction::Open { .. } | Transaction::Aborted | Transaction::TooLong => {
            return Err("ERR MULTI calls can not be nested");
        }
    }
    let is_refused = core::mem::take(&mut session.is_mode_refused);
    session.transaction = if is_refused { Transaction::Aborted } else { Transaction::Open { len: 0 } };
    cx.reply.ok();
    Ok(Flow::Queue)
}

pub(crate) fn exec(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let session = cx.session();
    match session.transaction {
        Transaction::None | Transaction::Running => Err("ERR EXEC without MULTI"),
        Transaction::Open { len } => {
            session.transaction = Transaction::Running;
            cx.reply.array(len.into());
            Ok(Flow::Execute)
        }
        Transaction::Aborted | Transaction::TooLong => {
            session.transaction = Transaction::None;
            cx.state.count_error();
            cx.reply.error("EXECABORT Transaction discarded because of previous errors.");
            Ok(Flow::Discard)
        }
    }
}

/// An EXEC with arguments ends the transaction, as in Redis.
pub(crate) fn refuse_exec(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.session().transaction = Transaction::None;
    cx.state.count_error();
    cx.reply.error("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command");
    Ok(Flow::Discard)
}

pub(crate) fn discard(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let session = cx.session();
    session.is_mode_refused = false;
    if session.transaction == Transaction::None {
        return Err("ERR DISCARD without MULTI");
    }
    session.transaction = Transaction::None;
    cx.reply.ok();
    Ok(Flow::Discard)
}

/// WATCH is refused, and so is the next transaction, which depends on the keys to watch.
pub(crate) fn watch(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.session().is_mode_refused = true;
    Err("ERR WATCH is refused: a device watches no keys. The next EXEC is refused too")
}

pub(crate) fn unwatch(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.session().is_mode_refused = false;
    cx.ok()
}

/// A command that runs at EXEC.
pub(crate) fn queue(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    match &mut cx.session().transaction {
        Transaction::TooLong => return Err(TOO_LONG),
        // As many as fit into a receive buffer are fewer than 256.
        Transaction::Open { len } => *len = len.saturating_add(1),
        _ => (),
    }
    cx.reply.simple("QUEUED");
    Ok(Flow::Continue)
}

/// A command between MULTI and EXEC was refused: EXEC refuses the others.
pub(crate) fn abort(cx: &mut CommandContext<'_, '_>) {
    let transaction = &mut cx.session().transaction;
    if let Transaction::Open { .. } = transaction {
        *transaction = Transaction::Aborted;
    }
}
