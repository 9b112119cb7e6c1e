//! A proxy that cuts connections, each in the next way of a fixed sequence. Which bytes pass depends on the bytes alone,
//! never on the speed of the machine: requests are lost, replies are lost, and idle connections end.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// The first request with a sample begins where a connection's bytes up have this for the first time.
const SAMPLE: &[u8] = b"XADD";
/// Bytes of the shortest reply to a sample: `$15`, an ID and the line ends.
const REPLY_LEN_MIN: usize = 22;
/// Bytes before the first sample: up for AUTH and the ends of two streams, and down for the replies.
const ASKING_LEN: (usize, usize) = (200, 860);
/// The longest that an idle connection lasts.
const IDLE_MS_MAX: u64 = 2_000;

/// A proxy on loopback.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cuts: AtomicU32,
    lost: AtomicU32,
    is_calm: AtomicBool,
}

impl Proxy {
    /// Leads to `server`.
    pub fn start(server: SocketAddr, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let proxy = Self { port, shared: shared.clone() };
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sequence = SEQUENCE.iter().cycle();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Without a server the client is let go at once.
                if let Ok(server) = TcpStream::connect(server) {
                    let is_calm = shared.is_calm.load(Ordering::SeqCst);
                    let cut = sequence.next().filter(|_| !is_calm).map(|kind| Cut::new(*kind, &mut random));
                    Connection::start(client, server, cut, &shared);
                }
            }
        });
        Ok(proxy)
    }

    /// Connections that have ended, but for those after [`calm`](Self::calm).
    pub fn cuts(&self) -> u32 {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// Those of them that ended between a sample that the server has answered for and the end of that answer.
    pub fn lost(&self) -> u32 {
        self.shared.lost.load(Ordering::SeqCst)
    }

    /// Cuts no more connections than those that are open.
    pub fn calm(&self) {
        self.shared.is_calm.store(true, Ordering::SeqCst);
    }
}

/// How a connection ends.
#[derive(Clone, Copy)]
enum Kind {
    /// Before the first sample.
    Asking,
    /// Within a request with a sample, or between two.
    Request,
    /// Within the reply to the first sample.
    FirstReply,
    /// Within the reply to a later sample.
    Reply,
    /// Some time after the reply to the first sample.
    Idle,
}

/// The kinds in turn. A device that gets nowhere waits longer each time, so at most two in a row settle no sample.
const SEQUENCE: [Kind; 6] = [Kind::Asking, Kind::FirstReply, Kind::Idle, Kind::Request, Kind::Reply, Kind::Idle];

/// The bytes that a connection carries before it is cut: the byte after these is the first that is lost.
struct Cut {
    /// Up and down, before the first sample.
    asking: (usize, usize),
    /// Up and down, from the first sample on.
    samples: (usize, usize),
    /// From the first reply to a sample on.
    idle: Option<Duration>,
}

impl Cut {
    const NONE: Self = Self { asking: (usize::MAX, usize::MAX), samples: (usize::MAX, usize::MAX), idle: None };

    fn new(kind: Kind, random: &mut fastrand::Rng) -> Self {
        match kind {
            Kind::Asking => {
                let (up, down) = (random.usize(..ASKING_LEN.0), random.usize(..ASKING_LEN.1));
                let asking = if random.bool() { (up, usize::MAX) } else { (usize::MAX, down) };
                // A device that asks with fewer bytes is cut at its first sample.
                Self { asking, samples: (0, 0), ..Self::NONE }
            }
            Kind::Request => Self { samples: (random.usize(..500), usize::MAX), ..Self::NONE },
            Kind::FirstReply => Self { samples: (usize::MAX, random.usize(..REPLY_LEN_MIN)), ..Self::NONE },
            Kind::Reply => Self { samples: (usize::MAX, random.usize(REPLY_LEN_MIN..150)), ..Self::NONE },
            Kind::Idle => Self { idle: Some(Duration::from_millis(random.u64(..IDLE_MS_MAX))), ..Self::NONE },
        }
    }
}

/// A connection, which its two threads share.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// Whether the first sample has begun to go up. A device sends it when all other replies have come.
    has_sample: AtomicBool,
    is_over: AtomicBool,
    is_counted: bool,
    shared: Arc<Shared>,
}

impl Connection {
    fn start(client: TcpStream, server: TcpStream, cut: Option<Cut>, shared: &Arc<Shared>) {
        let is_counted = cut.is_some();
        let cut = cut.unwrap_or(Cut::NONE);
        let (has_sample, is_over, shared) = (AtomicBool::new(false), AtomicBool::new(false), shared.clone());
        let up = Arc::new(Self { client, server, has_sample, is_over, is_counted, shared });
        let down = up.clone();
        thread::spawn(move || {
            up.lead_up(cut.asking.0, cut.samples.0);
            up.end();
        });
        thread::spawn(move || {
            down.lead_down(cut.asking.1, cut.samples.1, cut.idle);
            down.end();
        });
    }

    fn lead_up(&self, asking: usize, samples: usize) {
        let (mut bytes, mut left) = ([0; 512], asking);
        // The end of what has come before, in which a sample may have begun.
        let mut seen = Vec::new();
        while let Ok(len @ 1..) = (&self.client).read(&mut bytes) {
            let mut came = &bytes[..len];
            if !self.has_sample.load(Ordering::SeqCst) {
                let known = seen.len();
                seen.extend_from_slice(came);
                if let Some(at) = seen.windows(SAMPLE.len()).position(|window| window == SAMPLE) {
                    let (before, sample) = came.split_at(at.saturating_sub(known));
                    if !pass(before, &self.server, &mut left) {
                        return;
                    }
                    self.has_sample.store(true, Ordering::SeqCst);
                    (came, left) = (sample, samples);
                }
                seen.drain(..seen.len().saturating_sub(SAMPLE.len() - 1));
            }
            if !pass(came, &self.server, &mut left) {
                return;
            }
        }
    }

    fn lead_down(self: &Arc<Self>, mut asking: usize, mut samples: usize, mut idle: Option<Duration>) {
        let mut bytes = [0; 512];
        while let Ok(len @ 1..) = (&self.server).read(&mut bytes) {
            let is_reply = self.has_sample.load(Ordering::SeqCst);
            let left = if is_reply { &mut samples } else { &mut asking };
            if !pass(&bytes[..len], &self.client, left) {
                self.shared.lost.fetch_add(is_reply.into(), Ordering::SeqCst);
                return;
            }
            if let Some(idle) = idle.take_if(|_| is_reply) {
                let connection = self.clone();
                thread::spawn(move || {
                    thread::sleep(idle);
                    connection.end();
                });
            }
        }
    }

    /// Ends both sides, and counts it once.
    fn end(&self) {
        if !self.is_over.swap(true, Ordering::SeqCst) && self.is_counted {
            self.shared.cuts.fetch_add(1, Ordering::SeqCst);
        }
        // Both fail only where the connection is over already.
        let _ = (self.client.shutdown(Shutdown::Both), self.server.shutdown(Shutdown::Both));
    }
}

/// Hands on as many of the bytes as are left to go. Whether that were all.
fn pass(bytes: &[u8], mut to: &TcpStream, left: &mut usize) -> bool {
    let len = bytes.len().min(*left);
    *left -= len;
    to.write_all(&bytes[..len]).is_ok() && len == bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufRead;
    use std::sync::Mutex;

    const REPLY: &[u8] = b"$15\r\n1764448000000-0\r\n";

    /// A server that answers each line, and keeps the lines of each connection.
    fn server() -> (SocketAddr, Arc<Mutex<Vec<Vec<String>>>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, lines) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let all = lines.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                all.lock().unwrap().push(Vec::new());
                let (mut reader, mut line) = (std::io::BufReader::new(&client), String::new());
                // A connection may end within a line, which is no request then.
                while reader.read_line(&mut line).is_ok() && line.ends_with('\n') {
                    all.lock().unwrap().last_mut().unwrap().push(std::mem::take(&mut line));
                    if (&client).write_all(REPLY).is_err() {
                        break;
                    }
                }
            }
        });
        (address, lines)
    }

    /// Asks, and sends samples for as long as they are answered. The whole replies that come.
    fn replies(port: u16) -> usize {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut replies, mut bytes) = (0, [0; REPLY.len()]);
        for parts in std::iter::once(["AU", "TH\n"]).chain(std::iter::repeat(["XA", "DD 1\n"])) {
            let is_sent = parts.iter().all(|part| stream.write_all(part.as_bytes()).is_ok());
            if !is_sent || stream.read_exact(&mut bytes).is_err() {
                break;
            }
            replies += 1;
        }
        replies
    }

    #[test]
    fn what_is_lost_follows_from_the_sequence() {
        let (address, lines) = server();
        let proxy = Proxy::start(address, 1).unwrap();
        let mut lost = 0;
        for (round, kind) in SEQUENCE.iter().enumerate() {
            let replies = replies(proxy.port);
            // The other thread of the connection may be about to count it.
            while proxy.cuts() <= round as u32 {
                thread::yield_now();
            }
            let requests = lines.lock().unwrap()[round].len();
            match kind {
                Kind::Asking => assert!(requests <= 1 && replies <= 1, "{round}: {requests} {replies}"),
                Kind::Request => assert!(requests >= 1, "{round}: {requests} {replies}"),
                Kind::FirstReply => assert_eq!((requests, replies), (2, 1)),
                Kind::Reply => assert!(replies >= 2 && requests == replies + 1, "{round}: {requests} {replies}"),
                Kind::Idle => assert!(replies >= 2, "{round}: {requests} {replies}"),
            }
            lost += u32::from(matches!(kind, Kind::FirstReply | Kind::Reply));
            assert!(proxy.lost() >= lost);
        }
        assert_eq!(proxy.cuts(), SEQUENCE.len() as u32);
    }
}
