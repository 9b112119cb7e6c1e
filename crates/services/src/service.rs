//! The loop of all services, between a socket and the service's answers.
//!
//! Every wait of the loop is bounded. A socket that takes too long to send, or that has been silent for long, is
//! dropped and bound anew. So a service whose socket has stopped serves again.

use core::net::{Ipv4Addr, SocketAddr};

use edge_nal::{MulticastV4, UdpBind, UdpReceive, UdpSend};
use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{Error, ErrorKind};

use crate::limits::{BIND_MS, ERRORS_MAX, RETRY_MS, SEND_MS, SILENCE_MS};

/// The answers of a service. A service does no IO, and time comes in as an argument.
pub(crate) trait Service {
    /// Takes a message. If there is an answer at once, it is the first bytes of `reply`: how many, and whom it is for.
    fn receive(&mut self, now: Instant, peer: SocketAddr, message: &[u8], reply: &mut [u8]) -> Answer;

    /// When [`poll`](Self::poll) has something to do; [`Instant::MAX`] if it has not.
    fn due(&self) -> Instant {
        Instant::MAX
    }

    /// Does what is due, and may have something to send, as `receive` does.
    fn poll(&mut self, _now: Instant, _reply: &mut [u8]) -> Answer {
        None
    }
}

/// Bytes of an answer, and whom it is for; None if there is none.
pub(crate) type Answer = Option<(usize, SocketAddr)>;

/// Where a service listens.
pub(crate) struct Place {
    /// The service's name in the log.
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    /// A multicast group that it is in, and the device's address; None if it is in none.
    pub(crate) group: Option<(Ipv4Addr, Ipv4Addr)>,
}

/// The operation that a socket is dropped for, and what became of it.
struct Failure(&'static str, ErrorKind);

/// Serves for ever. `rx` and `tx` hold the longest message and the longest answer.
pub(crate) async fn serve<U: UdpBind>(
    udp: &U,
    place: &Place,
    rx: &mut [u8],
    tx: &mut [u8],
    service: &mut impl Service,
) -> ! {
    loop {
        // A silent socket is no error, but it would look the same if it had stopped.
        if let Err(Failure(operation, kind)) = serve_socket(udp, place, rx, tx, service).await {
            log::warn!("{}: {operation}: {kind:?}", place.name);
            Timer::after(Duration::from_millis(RETRY_MS)).await;
        }
    }
}

/// Serves until the socket is to be bound anew.
async fn serve_socket<U: UdpBind>(
    udp: &U,
    place: &Place,
    rx: &mut [u8],
    tx: &mut [u8],
    service: &mut impl Service,
) -> Result<(), Failure> {
    let local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), place.port);
    let mut socket = bounded("bind", BIND_MS, udp.bind(local)).await?;
    if let Some((group, address)) = place.group {
        bounded("join", BIND_MS, socket.join_v4(group, address)).await?;
    }
    let mut silent_until = Instant::now() + Duration::from_millis(SILENCE_MS);
    let mut errors = 0;
    loop {
        let wake = Timer::at(service.due().min(silent_until));
        let answer = match select(socket.receive(rx), wake).await {
            Either::First(Ok((len, peer))) => {
                errors = 0;
                silent_until = Instant::now() + Duration::from_millis(SILENCE_MS);
                // Some stacks cut what is too long, and tell the length that it had.
                rx.get(..len).and_then(|message| service.receive(Instant::now(), peer, message, tx))
            }
            Either::First(Err(error)) => {
                errors += 1;
                // A message that is too long is an error of its sender's, and a sign of life. Those behind it are read at
                // once, up to a bound.
                let is_of_sender = error.kind() == ErrorKind::InvalidData;
                match (is_of_sender, errors >= ERRORS_MAX) {
                    (true, false) => continue,
                    // A socket that gives nothing else may have stopped.
                    (true, true) if silent_until <= Instant::now() => return Ok(()),
                    (true, true) => errors = 0,
                    (false, false) => {}
                    (false, true) => return Err(Failure("receive", error.kind())),
                }
                Timer::after(Duration::from_millis(RETRY_MS)).await;
                None
            }
            Either::Second(()) if service.due() > Instant::now() => return Ok(()),
            Either::Second(()) => service.poll(Instant::now(), tx),
        };
        if let Some((message, peer)) = answer.and_then(|(len, peer)| Some((tx.get(..len)?, peer))) {
            match bounded("send", SEND_MS, socket.send(peer, message)).await {
                Ok(()) => {}
                // There may be no way to whom a message said that it is from.
                Err(Failure(_, kind)) if kind != ErrorKind::TimedOut && errors < ERRORS_MAX => errors += 1,
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// An operation that ends within `ms` milliseconds, or fails.
async fn bounded<T, E: Error>(
    operation: &'static str,
    ms: u64,
    running: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    // A sum of times without a panic: with_timeout's has one.
    let end = Instant::now().checked_add(Duration::from_millis(ms)).unwrap_or(Instant::MAX);
    match select(running, Timer::at(end)).await {
        Either::First(Ok(value)) => Ok(value),
        Either::First(Err(error)) => Err(Failure(operation, error.kind())),
        Either::Second(()) => Err(Failure(operation, ErrorKind::TimedOut)),
    }
}
