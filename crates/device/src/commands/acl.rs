//! ACL: there is one user.

use crate::command::{CommandContext, CommandResult, Flow};

use crate::replies::client_list::USER;

pub(crate) fn whoami(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply.bulk(USER.as_bytes());
    Ok(Flow::Continue)
}
