//! One transfer: its two ends, and the wire between them.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::content::{Corrupt, Receiver, Sender};
use crate::device::{self, Stack};
use crate::host_clock;
use crate::link::{Link, Sent};
use crate::linux;
use crate::plan::{End, Plan};

/// The port of the end that accepts.
pub const PORT: u16 = 3000;
/// A connection begins with the offset that the receiver asks for, in so many bytes.
pub const OFFSET_LEN: usize = 8;
/// The longest time for which nobody looks at the transfer.
const WAIT_MAX: Duration = Duration::from_millis(20);
/// How long the kernel's connections may last once both ends are done. Linux hears only of its next transmission that the
/// device has given a connection up, and backs off to 120 s.
const END_MAX: Duration = Duration::from_secs(300);
/// How often the kernel is asked for its connections.
const END_POLL: Duration = Duration::from_millis(100);
/// Connections of one transfer, at most.
const CONNECTIONS_MAX: u32 = 400;

/// The state that the threads of a transfer share.
pub struct Transfer {
    pub plan: Plan,
    /// Linux's address, and the device's.
    pub linux: Ipv4Addr,
    pub device: Ipv4Addr,
    pub sender: Sender,
    pub receiver: Receiver,
    /// Connections that ended well, and that did not, at the device and at Linux.
    well: [AtomicU32; 2],
    badly: [AtomicU32; 2],
    is_listening: AtomicBool,
    is_over: AtomicBool,
    failure: Mutex<Option<String>>,
    /// Why connections were given up at the end that opens them.
    reasons: Mutex<Vec<String>>,
}

impl Transfer {
    fn new(plan: Plan, (linux, device): (Ipv4Addr, Ipv4Addr)) -> Self {
        Self {
            plan,
            linux,
            device,
            sender: Sender::default(),
            receiver: Receiver::default(),
            well: Default::default(),
            badly: Default::default(),
            is_listening: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            failure: Mutex::new(None),
            reasons: Mutex::default(),
        }
    }

    /// A connection has ended at this end. Fails if a byte was wrong, or too many connections were needed.
    pub fn end(&self, end: End, result: Result<()>) -> Result<()> {
        let Err(error) = result else {
            self.well[end as usize].fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let count = self.badly[end as usize].fetch_add(1, Ordering::Relaxed) + 1;
        if error.is::<Corrupt>() || count > CONNECTIONS_MAX {
            self.fail(format!("{}: {error:#}", end.name()));
            return Err(error);
        }
        if end == self.plan.opener {
            self.reasons.lock().expect("nobody panics").push(format!("{error:#}"));
        }
        Ok(())
    }

    pub fn has_ended_well(&self, end: End) -> bool {
        self.well[end as usize].load(Ordering::Relaxed) > 0
    }

    /// Whether nothing more is to be done.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub fn fail(&self, why: String) {
        self.failure.lock().expect("nobody panics").get_or_insert(why);
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub fn set_listening(&self) {
        self.is_listening.store(true, Ordering::Release);
    }

    /// Fails unless all bytes have arrived.
    pub fn check_complete(&self) -> Result<()> {
        let (received, _) = self.receiver.digest();
        let len = self.plan.content.len;
        ensure!(received == len, "the end came after {received} of {len} bytes");
        Ok(())
    }

    fn given_up(&self) -> u32 {
        self.badly[self.plan.opener as usize].load(Ordering::Relaxed)
    }
}

/// The result of a transfer.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub plan: Plan,
    /// To the end of the last connection at its opener.
    pub seconds: f64,
    pub given_up: u32,
    /// The segments of the sender, and those of the device.
    pub sent: Sent,
    pub device: Sent,
}

impl Outcome {
    /// Bytes of the content each second.
    pub fn goodput(&self) -> f64 {
        self.plan.content.len as f64 / self.seconds
    }

    /// How often each byte was sent.
    pub fn redundancy(&self) -> f64 {
        self.sent.bytes as f64 / self.plan.content.len as f64
    }
}

/// Wakes the task of a thread.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a transfer, at most for `limit`.
pub fn run(plan: Plan, stack: Stack, limit: Duration) -> Result<Outcome> {
    let transfer = Arc::new(Transfer::new(plan, plan.addresses(stack as usize)));
    // Linux sends much or nearly nothing; its numbers pass 2^32 in the midst of it.
    let first = if plan.sender == End::Linux { plan.content.len as u32 / 2 } else { OFFSET_LEN as u32 / 2 };
    let tap = plan.tap(stack as usize);
    let link = Link::open(&tap, plan.content.seed, plan.lost(), first.wrapping_neg());
    let link = link.with_context(|| format!("open {tap}"))?;
    let linux = {
        let transfer = transfer.clone();
        thread::spawn(move || linux::run(&transfer))
    };
    if plan.opener == End::Device {
        while !transfer.is_listening.load(Ordering::Acquire) && !transfer.is_over() {
            thread::yield_now();
        }
    }
    let start = Instant::now();
    let seconds = drive(&link, &transfer, stack, start, limit);
    if let Err(error) = &seconds {
        transfer.fail(format!("{error:#}"));
    }
    transfer.is_over.store(true, Ordering::Relaxed);
    let failure = transfer.failure.lock().expect("nobody panics").take();
    if let Some(failure) = failure {
        // A thread of Linux's end may be blocked in the kernel; it ends with the program.
        bail!("{failure}");
    }
    linux.join().expect("no thread panics")?;
    ensure!(transfer.sender.digest() == transfer.receiver.digest(), "the digests of the two ends differ");
    let given_up = transfer.given_up();
    let reasons = transfer.reasons.lock().expect("nobody panics").join("; ");
    ensure!(given_up <= plan.given_up_max(), "{given_up} connections were given up: {reasons}");
    let (device, linux) = link.sent();
    let sent = if plan.sender == End::Device { device } else { linux };
    Ok(Outcome { plan, seconds: seconds?, given_up, sent, device })
}

/// Moves frames and runs the device until both ends are done and the kernel has no connection any more. Returns the
/// seconds until the opener was done.
fn drive(link: &Link, transfer: &Arc<Transfer>, stack: Stack, start: Instant, limit: Duration) -> Result<f64> {
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(flag.clone());
    let mut device = pin!(device::run(stack, link.clone(), transfer.clone()));
    let mut seconds = None;
    let mut asked = start;
    let mut done = None;
    loop {
        link.pump()?;
        if host_clock::has_gone_off() | flag.0.swap(false, Ordering::Relaxed) {
            // The device never ends by itself: its last segments may have to be sent again.
            let Poll::Pending = device.as_mut().poll(&mut Context::from_waker(&waker));
        } else {
            wait(link)?;
        }
        if transfer.is_over() {
            bail!("it has failed");
        }
        if seconds.is_none() && transfer.has_ended_well(transfer.plan.opener) {
            seconds = Some(start.elapsed().as_secs_f64());
            done = Some(Instant::now());
        }
        if let (Some(seconds), Some(done)) = (seconds, done)
            && asked.elapsed() > END_POLL
        {
            asked = Instant::now();
            let ends = [End::Device, End::Linux].map(|end| transfer.has_ended_well(end));
            let left = linux::connections_left(transfer.device)?;
            if ends == [true; 2] && left == 0 {
                return Ok(seconds);
            }
            ensure!(
                done.elapsed() < END_MAX,
                "device and Linux have seen the end: {ends:?}; connections that are left: {left}"
            );
        }
        if start.elapsed() > limit {
            bail!("{} bytes after {} s", transfer.receiver.digest().0, limit.as_secs());
        }
    }
}

/// Waits for a frame, a frame's arrival, or a timer.
fn wait(link: &Link) -> Result<()> {
    let next = [link.until_next(), host_clock::until_next()].into_iter().flatten().fold(WAIT_MAX, Duration::min);
    let timeout = Timespec::try_from(next).context("a time to wait")?;
    link.with_tap(|tap| poll(&mut [PollFd::new(&tap, PollFlags::IN)], Some(&timeout)))?;
    Ok(())
}
