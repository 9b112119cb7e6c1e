//! Commands that took long.

use core::fmt::Write;
use core::net::SocketAddr;

use heapless::{Deque, String, Vec};
use sockeye_resp::{LossyUtf8, Request};

use crate::bounded_text::write_start;
use crate::limits::{CLIENT_NAME_LEN_MAX, SLOWLOG_ARG_LEN_MAX, SLOWLOG_ARGS_MAX, SLOWLOG_LEN};
use crate::platform::Now;
use crate::sessions::session::Session;

type Arg = String<SLOWLOG_ARG_LEN_MAX, u8>;

pub(crate) struct Slow {
    pub(crate) id: u32,
    pub(crate) unix_s: u64,
    pub(crate) duration_us: u32,
    pub(crate) args: Vec<Arg, SLOWLOG_ARGS_MAX>,
    pub(crate) peer: SocketAddr,
    pub(crate) name: String<CLIENT_NAME_LEN_MAX, u8>,
}

/// The last commands that took [`SLOWLOG_SLOWER_THAN_US`](crate::limits::SLOWLOG_SLOWER_THAN_US) or longer.
pub(crate) struct SlowLog {
    entries: Deque<Slow, SLOWLOG_LEN>,
    next_id: u32,
}

impl SlowLog {
    pub(crate) const fn new() -> Self {
        Self { entries: Deque::new(), next_id: 0 }
    }

    /// Adds a slow command of a session. Of a secret one only the name is kept.
    #[cold]
    pub(crate) fn append(
        &mut self,
        request: &Request<'_>,
        is_secret: bool,
        session: &Session,
        start: Now,
        duration_us: u32,
    ) {
        if self.entries.is_full() {
            self.entries.pop_front();
        }
        let slow = Slow {
            id: self.next_id,
            unix_s: start.stamp_us() / 1_000_000,
            duration_us,
            args: args(request, is_secret),
            peer: session.peer,
            name: session.name.clone(),
        };
        let _ = self.entries.push_back(slow);
        self.next_id = self.next_id.wrapping_add(1);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The entries, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slow> {
        self.entries.iter().rev()
    }
}

fn args(request: &Request<'_>, is_secret: bool) -> Vec<Arg, SLOWLOG_ARGS_MAX> {
    let shown = if request.len() > SLOWLOG_ARGS_MAX { SLOWLOG_ARGS_MAX - 1 } else { request.len() };
    let mut args: Vec<_, SLOWLOG_ARGS_MAX> = request
        .args()
        .take(shown)
        .enumerate()
        .map(|(index, arg)| if is_secret && index > 0 { shorten(b"(redacted)") } else { shorten(arg) })
        .collect();
    if request.len() > shown {
        let mut more = Arg::new();
        let _ = write!(more, "... ({} more arguments)", request.len() - shown);
        let _ = args.push(more);
    }
    args
}

/// The start of an argument, and dots if there is more.
fn shorten(arg: &[u8]) -> Arg {
    let mut short = Arg::new();
    write_start(&mut short, format_args!("{}", LossyUtf8(arg)));
    short
}
