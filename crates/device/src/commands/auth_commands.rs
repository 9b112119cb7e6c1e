//! AUTH, and the login in HELLO.

use crate::command::{CommandContext, CommandResult, Flow};
use crate::limits::AUTH_SESSION_FAILURES_MAX;
use crate::replies::client_list::USER;

const WRONGPASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";

pub(crate) fn auth(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let (user, token) = match cx.request.len() {
        2 if cx.state.settings.token.is_none() => {
            return Err(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure \
                        your configuration is correct?",
            );
        }
        2 => (USER.as_bytes(), cx.arg(1)),
        3 => (cx.arg(1), cx.arg(2)),
        _ => return Err("ERR syntax error"),
    };
    match login(cx, user, token) {
        Login::Accepted => cx.ok(),
        Login::Refused(flow) => Ok(flow),
    }
}

/// The outcome of a login.
pub(crate) enum Login {
    Accepted,
    /// The error is written.
    Refused(Flow),
}

/// Checks a user and a token, and lets the session in if they are right. Any token is right while none is set.
pub(crate) fn login(cx: &mut CommandContext<'_, '_>, user: &[u8], token: &[u8]) -> Login {
    let is_user = user == USER.as_bytes();
    let Some(hash) = &cx.state.settings.token else {
        return if is_user { Login::Accepted } else { refuse(cx) };
    };
    let session = cx.state.sessions.get(cx.key);
    let host = (session.peer.ip(), session.origin);
    let now_ms = cx.now.uptime_ms();
    let wait_ms = cx.state.failures.wait_ms(host, now_ms);
    if wait_ms > 0 {
        let wait_s = wait_ms.div_ceil(1_000);
        let text = format_args!("WRONGPASS too many wrong tokens from this address, try again in {wait_s} s");
        let _ = cx.refuse(text);
        return Login::Refused(failed(cx));
    }
    if is_user && hash.is(token) {
        cx.state.failures.forget(host);
        cx.session().authenticated = true;
        return Login::Accepted;
    }
    cx.state.failures.fail(host, now_ms);
    refuse(cx)
}

fn refuse(cx: &mut CommandContext<'_, '_>) -> Login {
    let _ = cx.refuse(format_args!("{WRONGPASS}"));
    Login::Refused(failed(cx))
}

/// Counts a failure; a connection that only guesses is closed.
fn failed(cx: &mut CommandContext<'_, '_>) -> Flow {
    let counts = &mut cx.state.counts;
    counts.auth_failures = counts.auth_failures.wrapping_add(1);
    let session = cx.session();
    session.auth_failures = session.auth_failures.saturating_add(1);
    if session.auth_failures >= AUTH_SESSION_FAILURES_MAX { Flow::Close } else { Flow::Continue }
}
