//! The time of day, from the time server of the settings (SNTP, RFC 4330).

use core::net::{Ipv4Addr, SocketAddr};

use edge_nal::{AddrType, Dns, UdpBind, UdpReceive, UdpSend, UdpSplit};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use heapless::String;
use sntpc::{NtpContext, NtpTimestampGenerator, NtpUdpSocket, fraction_to_microseconds};

use crate::limits::{
    NTP_MESSAGE_LEN, SERVER_LEN_MAX, SNTP_ANSWER_MS, SNTP_ASK_MS, SNTP_LOOK_MS, SNTP_PAUSE_MAX_MS, SNTP_PAUSE_MIN_MS,
    SNTP_PERIOD_MS,
};
use crate::{Buffers, client_port};

/// The memory of the client's socket.
pub type SntpBuffers = Buffers<NTP_MESSAGE_LEN, NTP_MESSAGE_LEN, 1>;

/// The port of NTP.
const PORT: u16 = 123;

/// Why there is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskError {
    /// The server's name has no address, or was not resolved in time.
    Unknown,
    /// There is no socket.
    Bind,
    /// No answer came in time.
    TimedOut,
    /// The answer wasn't the server's, or the server has no time.
    Answer,
}

/// Asks the server for the time once an hour, and gives it to `set`: microseconds since 1970, now. `server` is `HOST`,
/// or `HOST:PORT`; empty as long as there is none. `server` is read again every ten seconds.
///
/// A server that doesn't answer is asked again after 15 seconds, and then after twice as long each time, up to 17
/// minutes. Takes one socket of `udp` while it asks. `random` fills bytes, which nobody can guess: the port of each
/// question, and the time in it, which its answer must have in it too.
pub async fn serve<U: UdpBind, D: Dns>(
    udp: &U,
    dns: &D,
    random: impl Fn(&mut [u8]),
    server: impl Fn() -> String<SERVER_LEN_MAX, u8>,
    mut set: impl FnMut(u64),
) -> ! {
    let mut asked = String::new();
    let (mut next, mut pause_ms) = (Instant::MIN, SNTP_PAUSE_MIN_MS);
    loop {
        let wanted = server();
        if wanted != asked {
            (asked, next, pause_ms) = (wanted, Instant::MIN, SNTP_PAUSE_MIN_MS);
        }
        if !asked.is_empty() && Instant::now() >= next {
            // Each part has a bound but that of the socket.
            let asking = with_timeout(Duration::from_millis(SNTP_ASK_MS), ask(udp, dns, &random, &asked)).await;
            let wait_ms = match asking.unwrap_or(Err(AskError::TimedOut)) {
                Ok(unix_us) => {
                    set(unix_us);
                    pause_ms = SNTP_PAUSE_MIN_MS;
                    SNTP_PERIOD_MS
                }
                Err(error) => {
                    log::info!("SNTP: {error:?}");
                    let wait_ms = pause_ms;
                    pause_ms = (2 * pause_ms).min(SNTP_PAUSE_MAX_MS);
                    wait_ms
                }
            };
            next = Instant::now() + Duration::from_millis(wait_ms);
        }
        Timer::after(Duration::from_millis(SNTP_LOOK_MS)).await;
    }
}

async fn ask<U: UdpBind, D: Dns>(udp: &U, dns: &D, random: &impl Fn(&mut [u8]), server: &str) -> Result<u64, AskError> {
    let server = address(dns, server).await?;
    let mut socket = client_port::bind(udp, random).await.map_err(|_| AskError::Bind)?;
    let mut start = [0; 8];
    random(&mut start);
    let (receive, send) = socket.split();
    let halves = Halves { receive: Mutex::new(receive), send: Mutex::new(send) };
    let asking = sntpc::get_time(server, &halves, NtpContext::new(Stopwatch::starting_at(start)));
    let asked = Instant::now();
    let result = with_timeout(Duration::from_millis(SNTP_ANSWER_MS), asking).await.map_err(|_| AskError::TimedOut)?;
    let time = result.map_err(|_| AskError::Answer)?;
    // The server's time is older by half of the round trip. The library takes the time that the answer gives for the
    // server's work from it. That time is nonsense where a server leaves its receive timestamp empty.
    let round_trip_us = time.roundtrip().min(asked.elapsed().as_micros());
    Ok(time.sec() * 1_000_000 + u64::from(fraction_to_microseconds(time.sec_fraction())) + round_trip_us / 2)
}

async fn address<D: Dns>(dns: &D, server: &str) -> Result<SocketAddr, AskError> {
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| AskError::Unknown)?),
        None => (server, PORT),
    };
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(SocketAddr::new(address.into(), port));
    }
    let asking = dns.get_host_by_name(host, AddrType::IPv4);
    let found = with_timeout(Duration::from_millis(SNTP_ANSWER_MS), asking).await.map_err(|_| AskError::Unknown)?;
    found.map(|address| SocketAddr::new(address, port)).map_err(|_| AskError::Unknown)
}

/// A socket as the library needs it: shared.
struct Halves<R, S> {
    receive: Mutex<NoopRawMutex, R>,
    send: Mutex<NoopRawMutex, S>,
}

impl<R: UdpReceive, S: UdpSend> NtpUdpSocket for Halves<R, S> {
    async fn send_to(&self, bytes: &[u8], peer: SocketAddr) -> sntpc::Result<usize> {
        let sent = self.send.lock().await.send(peer, bytes).await;
        sent.map(|()| bytes.len()).map_err(|_| sntpc::Error::Network)
    }

    async fn recv_from(&self, bytes: &mut [u8]) -> sntpc::Result<(usize, SocketAddr)> {
        self.receive.lock().await.receive(bytes).await.map_err(|_| sntpc::Error::Network)
    }
}

/// The clock with which the library measures the way there and back. A question has the clock's time in it, and its answer
/// repeats that time. So the clock begins at random, and nobody can answer who has not heard the question.
#[derive(Clone, Copy)]
struct Stopwatch {
    start_us: u64,
    now: Instant,
}

impl Stopwatch {
    fn starting_at(random: [u8; 8]) -> Self {
        // 2^51 microseconds are 71 years, so the clock begins between 1970 and 2041. The library takes the era in which the
        // server's time is nearest to this clock and not before 1970. Until 2106 this era is the right one.
        Self { start_us: u64::from_le_bytes(random) >> 13, now: Instant::MIN }
    }

    fn us(&self) -> u64 {
        self.start_us + self.now.as_micros()
    }
}

impl NtpTimestampGenerator for Stopwatch {
    fn init(&mut self) {
        self.now = Instant::now();
    }

    fn timestamp_sec(&self) -> u64 {
        self.us() / 1_000_000
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        (self.us() % 1_000_000) as u32
    }
}
