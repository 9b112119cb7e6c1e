//! One client's connection, as its handler sees it: reads and writes that can't wait for ever.

use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::net::{Ipv4Addr, SocketAddr};
use core::pin::Pin;
use core::task::{Context, Poll};

use edge_nal::{Close, Readable, TcpShutdown};
use embassy_time::Duration;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use pin_project_lite::pin_project;

#[cfg(doc)]
use crate::limits::Timeouts;
use crate::limits::{DRAIN_LEN, Ticks, TimeoutTicks};
use crate::slot::{Slot, SlotState};

/// A stack's socket, as the server needs it. Implemented for everything that has the four traits.
pub trait Socket: Read + Write + Readable + TcpShutdown {}
impl<T: Read + Write + Readable + TcpShutdown> Socket for T {}

/// A socket whose receive and transmit buffers the handler works in, so that the handler has none.
///
/// Received bytes stay in the socket until the handler consumes them. The handler writes no more than there is room for,
/// and the socket gives that number first. Only [`wait_input`](Self::wait_input) and [`wait_room`](Self::wait_room) wait;
/// dropping such a wait loses nothing.
///
/// edge-nal has no such trait. The sockets of `sockeye-tcp` implement this one, and
/// [`BufferedAcceptor`](crate::BufferedAcceptor) adds it to the sockets of other stacks.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait BufferedSocket: Socket {
    /// Copies received bytes to `buf`, as many as fit, and gives how many. The bytes stay in the receive buffer.
    fn peek(&mut self, buf: &mut [u8]) -> usize;
    /// [`peek`](Self::peek) and [`room`](Self::room), for sockets on which one call costs less than two.
    fn peek_and_room(&mut self, buf: &mut [u8]) -> (usize, usize) {
        (self.peek(buf), self.room())
    }
    /// Drops the first `len` received bytes, or all if there are fewer.
    fn consume(&mut self, len: usize);
    /// Waits until the receive buffer holds more than `len` bytes, and gives how many. 0 means that the client has closed
    /// its side and `len` bytes or fewer are left. Bytes that were put leave at the latest now.
    ///
    /// # Errors
    /// The connection is gone.
    async fn wait_input(&mut self, len: usize) -> Result<usize, Self::Error>;
    /// Free bytes of the transmit buffer.
    fn room(&mut self) -> usize;
    /// The size of the transmit buffer, bytes.
    fn room_max(&mut self) -> usize;
    /// Appends `bytes` to the transmit buffer, as many as there is room for, and gives how many.
    fn put(&mut self, bytes: &[u8]) -> usize;
    /// [`put`](Self::put) of `bytes` and [`consume`](Self::consume) of the first `len` received bytes, for sockets on
    /// which one call costs less than two. Gives how many bytes were put.
    fn put_and_consume(&mut self, bytes: &[u8], len: usize) -> usize {
        self.consume(len);
        self.put(bytes)
    }
    /// Waits until the transmit buffer has room for more than `len` bytes. Bytes that were put leave at the latest now.
    ///
    /// # Errors
    /// The connection is gone.
    async fn wait_room(&mut self, len: usize) -> Result<(), Self::Error>;
}

/// The phase of a connection whose time-out ended it; see [`Timeouts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutPhase {
    /// No request came.
    Idle,
    /// A request began and did not end.
    Request,
    /// The client did not take its reply.
    Write,
    /// The client did not close its side.
    Linger,
}

/// Why reading from or writing to a client failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionError<E> {
    /// The client took too long.
    Timeout(TimeoutPhase),
    /// All slots were taken, this client was the one that would be missed least, and a newcomer takes its place. The
    /// phase is [`TimeoutPhase::Idle`] or [`TimeoutPhase::Request`].
    Displaced(TimeoutPhase),
    /// The stack's error; mostly a reset by the client.
    Io(E),
}

impl<E: fmt::Debug> fmt::Display for ConnectionError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(phase) => write!(f, "timed out: {phase:?}"),
            Self::Displaced(phase) => write!(f, "displaced: {phase:?}"),
            Self::Io(error) => write!(f, "{error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for ConnectionError<E> {}

impl<E: embedded_io_async::Error> embedded_io_async::Error for ConnectionError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Timeout(_) => ErrorKind::TimedOut,
            Self::Displaced(_) => ErrorKind::ConnectionAborted,
            Self::Io(error) => error.kind(),
        }
    }
}

/// One client's connection. [`Read`], [`Write`] and [`Readable`] as on a plain socket, each bounded in time.
///
/// A handler need not close it: the server does when the handler returns, in order, so that no reply byte is lost.
pub struct Connection<'a, S> {
    socket: S,
    slot: &'a Slot,
    timeouts: &'a TimeoutTicks,
    idle: Ticks,
    /// The server that serves the client. None before, and where the client is rejected.
    server: Option<&'a dyn Served>,
}

/// A server that counts whom it serves.
pub(crate) trait Served {
    /// A client has been served; what is left is to close its connection. Called once for each client.
    fn client_served(&self);
}

impl<'a, S: Socket> Connection<'a, S> {
    pub(crate) fn new(socket: S, slot: &'a Slot, timeouts: &'a TimeoutTicks) -> Self {
        Self { socket, slot, timeouts, idle: timeouts.idle, server: None }
    }

    /// The client is one of those that `server` serves.
    pub(crate) fn is_served_by(&mut self, server: &'a dyn Served) {
        self.server = Some(server);
    }

    /// The client is rejected, and has less time for everything.
    pub(crate) fn is_rejected(&mut self, timeouts: &'a TimeoutTicks) {
        (self.timeouts, self.idle) = (timeouts, timeouts.idle);
    }

    /// The client's address and port.
    pub fn peer(&self) -> SocketAddr {
        // The slot is told before there is a connection.
        self.slot.peer.get().unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0))
    }

    /// Number of this connection, counted from 1 since start.
    pub fn id(&self) -> u32 {
        self.slot.id.get()
    }

    /// A request has begun: from now on reads fail with [`TimeoutPhase::Request`] once [`Timeouts::request`] is over,
    /// however steadily single bytes trickle in. Calling it again within the request changes nothing.
    pub fn begin_request(&mut self) {
        self.slot.begin_request(self.timeouts.request);
    }

    /// The request is complete: the next one has its own time.
    pub fn end_request(&mut self) {
        self.slot.end_request();
    }

    /// Sets the idle timeout of this connection, instead of [`Timeouts::idle`]. `None` disables it, and the client is not
    /// displaced either: for a client that has subscribed, is blocked or monitors. Keep-alive of the stack still notices
    /// a client that has vanished.
    pub fn set_idle(&mut self, idle: Option<Duration>) {
        self.idle = idle.map_or(Ticks::NEVER, Ticks::displaceable);
    }

    /// Closes in order (RFC 9293 section 3.6): sends the written bytes and FIN, then reads and drops input until the
    /// client closes too. Returns how many bytes were dropped.
    ///
    /// Input is read because a stack sends RST when a socket with unread input is closed, and a RST may overtake the
    /// reply.
    ///
    /// # Errors
    /// [`TimeoutPhase::Linger`] when the client has not closed within [`Timeouts::linger`].
    pub async fn finish(&mut self) -> Result<u32, ConnectionError<S::Error>> {
        self.set_closing();
        self.slot.end_request();
        let linger = self.timeouts.linger;
        let before = self.slot.bytes_in.get();
        let (socket, slot) = (&mut self.socket, self.slot);
        let done = async {
            socket.close(Close::Write).await?;
            let mut sink = [0; DRAIN_LEN];
            loop {
                match socket.read(&mut sink).await? {
                    0 => return Ok(()),
                    len => add(&slot.bytes_in, len),
                }
            }
        };
        bounded(slot, linger, TimeoutPhase::Linger, done).await?;
        Ok(self.slot.bytes_in.get().wrapping_sub(before))
    }

    /// Closes the connection of a rejected or displaced client: sends the written bytes and FIN, and waits for the
    /// client's FIN for at most [`Timeouts::reject`]. The server closes both directions, so no more input is read. A
    /// stack may therefore end the wait sooner when another client needs the connection.
    pub(crate) async fn give_way(&mut self) -> Result<(), ConnectionError<S::Error>> {
        self.set_closing();
        self.slot.end_request();
        bounded(self.slot, self.timeouts.reject, TimeoutPhase::Linger, self.socket.close(Close::Both)).await
    }

    /// Resets the connection. Bounded, because a stack may wait here for a neighbour that is gone.
    pub(crate) async fn abort(&mut self) {
        self.set_closing();
        // Whether or not it worked, the socket is dropped next.
        let _ = bounded(self.slot, self.timeouts.abort, TimeoutPhase::Linger, self.socket.abort()).await;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.slot.state.get() == SlotState::Closing
    }

    fn set_closing(&self) {
        if !self.is_closing() {
            self.slot.state.set(SlotState::Closing);
            if let Some(server) = self.server {
                server.client_served();
            }
        }
    }
}

pin_project! {
    /// The future of [`bounded`].
    struct Bounded<'a, F> {
        #[pin]
        future: F,
        slot: &'a Slot,
        limit: Ticks,
        phase: TimeoutPhase,
        // The slot counts the ticks of this wait.
        has_begun: bool,
    }
}

/// Awaits `future` for at most `limit`, and never beyond the time of a request under way. Its time-out is that of
/// `phase`, where [`TimeoutPhase::Idle`] means any read.
// No `async fn`, which would have a state more to look at in each poll.
#[inline]
fn bounded<T, E, F: Future<Output = Result<T, E>>>(
    slot: &Slot,
    limit: Ticks,
    phase: TimeoutPhase,
    future: F,
) -> Bounded<'_, F> {
    Bounded { future, slot, limit, phase, has_begun: false }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for Bounded<'_, F> {
    type Output = Result<T, ConnectionError<E>>;

    // The way of each request: a function of its own would save and restore eight registers, twice in each exchange.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(result) = this.future.poll(cx) {
            this.slot.end_wait();
            return Poll::Ready(result.map_err(ConnectionError::Io));
        }
        if !*this.has_begun {
            *this.has_begun = true;
            this.slot.begin_wait(*this.limit);
        }
        this.slot.poll_deadline(cx).map(|()| Err(expired(this.slot, *this.phase)))
    }
}

pin_project! {
    /// A bounded wait for bytes, which are counted.
    struct Counted<'a, F> {
        #[pin]
        wait: Bounded<'a, F>,
        counter: &'a Cell<u32>,
    }
}

impl<E, F: Future<Output = Result<usize, E>>> Future for Counted<'_, F> {
    type Output = Result<usize, ConnectionError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = this.wait.poll(cx);
        if let Poll::Ready(Ok(len)) = result {
            add(this.counter, len);
        }
        result
    }
}

/// The error of a wait in this phase that is over.
#[cold]
fn expired<E>(slot: &Slot, phase: TimeoutPhase) -> ConnectionError<E> {
    let phase = match phase {
        TimeoutPhase::Idle if slot.in_request() => TimeoutPhase::Request,
        phase => phase,
    };
    match slot.is_displaced() {
        true => ConnectionError::Displaced(phase),
        false => ConnectionError::Timeout(phase),
    }
}

fn add(counter: &Cell<u32>, len: usize) {
    counter.set(counter.get().wrapping_add(len as u32));
}

/// Working in the socket's own buffers. Each wait is bounded in time.
impl<S: BufferedSocket> Connection<'_, S> {
    /// Copies received bytes to `buf`; see [`BufferedSocket::peek`].
    pub fn peek(&mut self, buf: &mut [u8]) -> usize {
        self.socket.peek(buf)
    }

    /// Copies received bytes to `buf`, and gives how many and the free bytes of the transmit buffer; see
    /// [`BufferedSocket::peek_and_room`].
    pub fn peek_and_room(&mut self, buf: &mut [u8]) -> (usize, usize) {
        self.socket.peek_and_room(buf)
    }

    /// Drops the first `len` received bytes; see [`BufferedSocket::consume`].
    pub fn consume(&mut self, len: usize) {
        self.socket.consume(len);
        add(&self.slot.bytes_in, len);
    }

    /// Waits until the receive buffer holds more than `len` bytes; see [`BufferedSocket::wait_input`]. The time-out is
    /// that of a read.
    ///
    /// # Errors
    /// The client took too long, or the connection is gone.
    #[inline]
    pub fn wait_input(&mut self, len: usize) -> impl Future<Output = Result<usize, ConnectionError<S::Error>>> {
        bounded(self.slot, self.idle, TimeoutPhase::Idle, self.socket.wait_input(len))
    }

    /// Free bytes of the transmit buffer.
    pub fn room(&mut self) -> usize {
        self.socket.room()
    }

    /// The size of the transmit buffer, bytes.
    pub fn room_max(&mut self) -> usize {
        self.socket.room_max()
    }

    /// Appends `bytes` to the transmit buffer, as many as there is room for, and gives how many.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        let len = self.socket.put(bytes);
        add(&self.slot.bytes_out, len);
        len
    }

    /// Appends `bytes` to the transmit buffer, as many as there is room for, and gives how many. Drops the first `len`
    /// received bytes. See [`BufferedSocket::put_and_consume`].
    pub fn put_and_consume(&mut self, bytes: &[u8], len: usize) -> usize {
        let put = self.socket.put_and_consume(bytes, len);
        add(&self.slot.bytes_out, put);
        add(&self.slot.bytes_in, len);
        put
    }

    /// Waits until the transmit buffer has room for more than `len` bytes. The time-out is that of a write.
    ///
    /// # Errors
    /// The client took too long, or the connection is gone.
    pub fn wait_room(&mut self, len: usize) -> impl Future<Output = Result<(), ConnectionError<S::Error>>> {
        bounded(self.slot, self.timeouts.write, TimeoutPhase::Write, self.socket.wait_room(len))
    }
}

impl<S: Socket> ErrorType for Connection<'_, S> {
    type Error = ConnectionError<S::Error>;
}

impl<S: Socket> Read for Connection<'_, S> {
    /// Reads what is there, or waits for it: at most [`Timeouts::idle`], or until the request's own time is over.
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = Result<usize, Self::Error>> {
        let wait = bounded(self.slot, self.idle, TimeoutPhase::Idle, self.socket.read(buf));
        Counted { wait, counter: &self.slot.bytes_in }
    }
}

impl<S: Socket> Readable for Connection<'_, S> {
    /// Waits until a read would not wait. No byte is lost when this wait is dropped.
    fn readable(&mut self) -> impl Future<Output = Result<(), Self::Error>> {
        bounded(self.slot, self.idle, TimeoutPhase::Idle, self.socket.readable())
    }
}

impl<S: Socket> Write for Connection<'_, S> {
    /// Writes what there is room for, or waits for room: at most [`Timeouts::write`].
    fn write(&mut self, buf: &[u8]) -> impl Future<Output = Result<usize, Self::Error>> {
        let wait = bounded(self.slot, self.timeouts.write, TimeoutPhase::Write, self.socket.write(buf));
        Counted { wait, counter: &self.slot.bytes_out }
    }

    /// Makes written bytes leave now rather than when the handler next waits for input; `sockeye-tcp`'s flush does no
    /// more. Other stacks may wait for the client's acknowledgement here, which comes up to 40 ms late on purpose.
    fn flush(&mut self) -> impl Future<Output = Result<(), Self::Error>> {
        bounded(self.slot, self.timeouts.write, TimeoutPhase::Write, self.socket.flush())
    }
}
