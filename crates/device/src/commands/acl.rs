//! ACL: there is one user.

use crate::command::{CommandContext, CommandResult, Flow};

/// The only user's name, as Redis names it.
pub(crate) const USER: &str = "default";

pub(crate) fn whoami(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply.bulk(USER.as_bytes());
    Ok(Flow::Continue)
}
