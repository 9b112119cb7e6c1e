//! Clients that are scripts, an acceptor that hands them out, and time that the test moves.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use edge_nal::{Close, Readable, TcpAccept, TcpShutdown, TcpSplit};
use embassy_time::Duration;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use sockeye_server::limits::Timeouts;
use sockeye_server::{Handler, Server, ServerStats};
use sockeye_simulation::clock;

/// How often everything is polled before time goes on: more often than anything takes to come to rest.
const POLLS: usize = 40;

#[derive(Default)]
struct State {
    /// The bytes that the client has sent and the server has not read.
    input: VecDeque<u8>,
    output: Vec<u8>,
    /// How many more bytes the client takes.
    room: Option<usize>,
    end: &'static str,
    closed: bool,
    reset: bool,
    /// The client closes when the server does.
    polite: bool,
    abort_hangs: bool,
    /// The stack needs the connection for a newcomer.
    gives_way: bool,
    aborting: u32,
}

/// A client: the test's end of a connection.
#[derive(Clone)]
pub struct Client(Rc<RefCell<State>>);

impl Client {
    /// Connects, and does nothing.
    pub fn silent() -> Self {
        Self(Rc::new(RefCell::new(State { polite: true, end: "open", ..State::default() })))
    }

    /// Sends this at once.
    pub fn sends(input: &[u8]) -> Self {
        let client = Self::silent();
        client.send(input);
        client
    }

    /// Takes so many bytes of the reply and no more.
    pub fn takes(self, len: usize) -> Self {
        self.0.borrow_mut().room = Some(len);
        self
    }

    /// Does not close when the server does.
    pub fn never_closes(self) -> Self {
        self.0.borrow_mut().polite = false;
        self
    }

    /// The stack gives its connection to another.
    pub fn gives_way(&self) {
        self.0.borrow_mut().gives_way = true;
    }

    /// The stack can't get its RST out.
    pub fn abort_hangs(self) -> Self {
        self.0.borrow_mut().abort_hangs = true;
        self
    }

    pub fn send(&self, input: &[u8]) {
        self.0.borrow_mut().input.extend(input);
    }

    pub fn close(&self) {
        self.0.borrow_mut().closed = true;
    }

    pub fn reset(&self) {
        self.0.borrow_mut().reset = true;
    }

    /// How the connection stands: `open`, `fin` or `reset`.
    pub fn end(&self) -> &'static str {
        self.0.borrow().end
    }

    /// The bytes that the client has got, the connection's state, and how many aborts are under way.
    #[track_caller]
    pub fn check(&self, output: &str, end: &str, aborting: u32) {
        let state = self.0.borrow();
        assert_eq!(
            (String::from_utf8_lossy(&state.output).as_ref(), state.end, state.aborting),
            (output, end, aborting)
        );
    }
}

/// The stack's errors.
#[derive(Debug, Clone, Copy)]
pub enum Reset {
    /// The client has reset the connection.
    ByClient,
    /// There is no descriptor for another connection.
    NoDescriptor,
}

use Reset::ByClient;

impl core::fmt::Display for Reset {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("reset")
    }
}

impl core::error::Error for Reset {}

impl embedded_io_async::Error for Reset {
    fn kind(&self) -> ErrorKind {
        match self {
            ByClient => ErrorKind::ConnectionReset,
            Self::NoDescriptor => ErrorKind::Other,
        }
    }
}

/// The server's end.
pub struct Socket(Client);

impl Socket {
    fn poll_readable(&self) -> Poll<Result<(), Reset>> {
        let state = self.0.0.borrow();
        match (state.reset, state.input.is_empty() && !state.closed) {
            (true, _) => Poll::Ready(Err(ByClient)),
            (false, true) => Poll::Pending,
            (false, false) => Poll::Ready(Ok(())),
        }
    }
}

impl ErrorType for Socket {
    type Error = Reset;
}

impl Read for Socket {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Reset> {
        poll_fn(|_| self.poll_readable()).await?;
        let mut state = self.0.0.borrow_mut();
        let len = state.input.len().min(buf.len());
        for byte in &mut buf[..len] {
            *byte = state.input.pop_front().unwrap();
        }
        Ok(len)
    }
}

impl Readable for Socket {
    async fn readable(&mut self) -> Result<(), Reset> {
        poll_fn(|_| self.poll_readable()).await
    }
}

impl Write for Socket {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Reset> {
        poll_fn(|_| {
            let mut state = self.0.0.borrow_mut();
            if state.reset {
                return Poll::Ready(Err(ByClient));
            }
            let len = state.room.map_or(buf.len(), |room| room.min(buf.len()));
            if len == 0 {
                return Poll::Pending;
            }
            state.room = state.room.map(|room| room - len);
            state.output.extend(&buf[..len]);
            Poll::Ready(Ok(len))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Reset> {
        Ok(())
    }
}

impl TcpShutdown for Socket {
    async fn close(&mut self, what: Close) -> Result<(), Reset> {
        {
            let mut state = self.0.0.borrow_mut();
            state.end = "fin";
            state.closed |= state.polite;
        }
        if what == Close::Both {
            let has_ended = || self.0.0.borrow().closed || self.0.0.borrow().gives_way;
            poll_fn(|_| if has_ended() { Poll::Ready(()) } else { Poll::Pending }).await;
        }
        Ok(())
    }

    async fn abort(&mut self) -> Result<(), Reset> {
        self.0.0.borrow_mut().aborting += 1;
        if self.0.0.borrow().abort_hangs {
            core::future::pending::<()>().await;
        }
        let mut state = self.0.0.borrow_mut();
        state.aborting -= 1;
        state.end = "reset";
        Ok(())
    }
}

impl TcpSplit for Socket {
    type Read<'a> = &'a mut Socket;
    type Write<'a> = Half;

    fn split(&mut self) -> (&mut Socket, Half) {
        (self, Half)
    }
}

/// edge-nal wants sockets that can be split; the server does not.
pub struct Half;

impl ErrorType for Half {
    type Error = Reset;
}

impl Write for Half {
    async fn write(&mut self, _: &[u8]) -> Result<usize, Reset> {
        Err(ByClient)
    }

    async fn flush(&mut self) -> Result<(), Reset> {
        Err(ByClient)
    }
}

/// The results of the next accepts: a client, or an error.
#[derive(Default)]
struct Acceptor(RefCell<VecDeque<Result<Client, Reset>>>);

impl TcpAccept for Acceptor {
    type Error = Reset;
    type Socket<'a> = Socket;

    async fn accept(&self) -> Result<(SocketAddr, Socket), Reset> {
        let next = poll_fn(|_| self.0.borrow_mut().pop_front().map_or(Poll::Pending, Poll::Ready)).await;
        next.map(|client| (([192, 168, 1, 2], 40_000).into(), Socket(client)))
    }
}

type Run = Pin<Box<dyn Future<Output = ()>>>;

/// A server of `N` slots with its clients and its time.
pub struct World<const N: usize> {
    server: Rc<Server<N>>,
    acceptor: Rc<Acceptor>,
    run: RefCell<Option<Run>>,
}

impl<const N: usize> World<N> {
    pub fn new() -> Self {
        clock::reset();
        Self { server: Rc::new(Server::new(Timeouts::DEFAULT)), acceptor: Rc::default(), run: RefCell::new(None) }
    }

    /// The next accept fails.
    pub fn accept_fails(&mut self, error: Reset) {
        self.acceptor.0.borrow_mut().push_back(Err(error));
    }

    pub fn connect(&mut self, client: Client) -> Client {
        self.acceptor.0.borrow_mut().push_back(Ok(client.clone()));
        client
    }

    /// The number of each slot's connection.
    pub fn ids(&self) -> Vec<u32> {
        self.server.slots().map(|slot| slot.id).collect()
    }

    pub fn stats(&self) -> ServerStats {
        self.server.stats()
    }

    /// Runs the server for `ms` milliseconds.
    pub fn run<H: Handler<Socket>>(&mut self, handler: &'static H, ms: u64) {
        let mut run = self.run.borrow_mut();
        let run = run.get_or_insert_with(|| {
            let (server, acceptor) = (self.server.clone(), self.acceptor.clone());
            Box::pin(async move { server.run(&*acceptor, handler).await })
        });
        let mut run = pin!(run);
        let mut cx = Context::from_waker(Waker::noop());
        for step in 0..=ms {
            if step > 0 {
                clock::advance(Duration::from_millis(1));
            }
            let polls = if step == 0 || step == ms { POLLS } else { 4 };
            for _ in 0..polls {
                assert!(run.as_mut().poll(&mut cx).is_pending());
            }
        }
    }
}
