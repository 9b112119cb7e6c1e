//! ACL: there is one user.

use crate::command::{Cx, Flow, Outcome};

/// The only user's name, as Redis names it.
pub(crate) const USER: &str = "default";

pub(crate) fn whoami(cx: &mut Cx<'_, '_>) -> Outcome {
    cx.reply.bulk(USER.as_bytes());
    Ok(Flow::Continue)
}
