//! A proxy that cuts connections after any number of bytes, one way or the other, so that a request is lost, or its reply.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// The longest that a connection lasts.
const LONGEST_MS: u64 = 5_000;

/// A proxy on loopback.
pub struct Proxy {
    pub port: u16,
    pub cuts: Arc<AtomicU32>,
    is_calm: Arc<AtomicBool>,
}

impl Proxy {
    /// Leads to `server`.
    pub fn start(server: SocketAddr, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let (cuts, is_calm) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let proxy = Self { port, cuts: cuts.clone(), is_calm: is_calm.clone() };
        let mut random = fastrand::Rng::with_seed(seed);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Without a server the client is let go at once.
                if let Ok(server) = TcpStream::connect(server) {
                    let budget = (!is_calm.load(Ordering::SeqCst)).then(|| Budget::new(&mut random));
                    join(client, server, budget, &cuts);
                }
            }
        });
        Ok(proxy)
    }

    /// Cuts no more connections than those that are open.
    pub fn calm(&self) {
        self.is_calm.store(true, Ordering::SeqCst);
    }
}

/// The bytes that a connection may carry before it is cut.
struct Budget {
    up: usize,
    down: usize,
    time: Duration,
}

impl Budget {
    /// Asking for two streams' ends takes some 120 bytes up and 800 down; each sample 100 up and 25 down.
    fn new(random: &mut fastrand::Rng) -> Self {
        // Three of four are cut after the first sample: a device that gets nowhere waits longer each time.
        let is_early = random.u8(..4) == 0;
        let mut bytes = |asked: usize, most: usize| match random.bool() {
            true => random.usize(if is_early { 0..most } else { asked..asked + most }),
            false => usize::MAX,
        };
        let (up, down) = (bytes(330, 900), bytes(860, 300));
        Self { up, down, time: Duration::from_millis(random.u64(500..LONGEST_MS)) }
    }
}

fn join(client: TcpStream, server: TcpStream, budget: Option<Budget>, cuts: &Arc<AtomicU32>) {
    let is_cut = Arc::new(AtomicBool::new(false));
    let (up, down) = budget.as_ref().map_or((usize::MAX, usize::MAX), |budget| (budget.up, budget.down));
    for (mut from, mut to, mut left) in [(&client, &server, up), (&server, &client, down)]
        .map(|(from, to, left)| (from.try_clone(), to.try_clone(), left))
        .into_iter()
        .filter_map(|(from, to, left)| Some((from.ok()?, to.ok()?, left)))
    {
        let (is_cut, cuts, is_bounded) = (is_cut.clone(), cuts.clone(), budget.is_some());
        thread::spawn(move || {
            let mut bytes = [0; 512];
            while let Ok(len @ 1..) = from.read(&mut bytes) {
                let len = len.min(left);
                left = left.saturating_sub(len);
                if to.write_all(&bytes[..len]).is_err() || left == 0 {
                    break;
                }
            }
            end(&from, &to, is_bounded, &is_cut, &cuts);
        });
    }
    if let Some(budget) = budget {
        let cuts = cuts.clone();
        thread::spawn(move || {
            thread::sleep(budget.time);
            end(&client, &server, true, &is_cut, &cuts);
        });
    }
}

/// Ends both sides, and counts it once.
fn end(one: &TcpStream, other: &TcpStream, is_counted: bool, is_cut: &AtomicBool, cuts: &AtomicU32) {
    if !is_cut.swap(true, Ordering::SeqCst) && is_counted {
        cuts.fetch_add(1, Ordering::SeqCst);
    }
    // Both fail only where the connection is over already.
    let _ = (one.shutdown(Shutdown::Both), other.shutdown(Shutdown::Both));
}
