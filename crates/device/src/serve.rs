//! The loop between the application and one connection.

use core::future::pending;
use core::net::SocketAddr;

use embassy_futures::select::{Either, Either3, select, select3};
use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{Read, Write};
use sockeye_resp::{Decoder, Http, ReplyWriter, http_method};

use crate::app::App;
use crate::command::Flow;
use crate::limits::{BLOCK_MS_MAX, REPLY_LEN_MAX, RX_LEN, TX_LEN};
use crate::page::{FOUND, NOT_FOUND};
use crate::session::{SessionKey, Side};
use crate::settings::Store;

/// What a client is told that is one too many.
pub const REFUSAL: &[u8] = b"-ERR max number of clients reached\r\n";

/// A client's connection, as the platform's server gives it.
///
/// A `read` that is dropped before it is ready must not have taken any bytes: the loop waits for input and for events
/// at once. `embassy-net`, `sockeye-tcp` and `edge-nal-std` keep that, and so does `sockeye-server` above them. The
/// server bounds how long a read and a write may take; the three hints tell it what a silence means.
pub trait Client: Read + Write {
    /// The first bytes of a request are there, and the rest isn't: from now on its time runs.
    fn begin_request(&mut self);
    /// The request is complete.
    fn end_request(&mut self);
    /// Whether the client waits to be told something, so that its silence is no reason to close.
    fn set_listening(&mut self, is_listening: bool);
}

/// Opens a session, and serves its client until it leaves, breaks the protocol, or is sent away. Whoever calls closes the connection then,
/// in order, so that no reply is lost.
///
/// Holds [`RX_LEN`] and [`TX_LEN`] bytes of buffers. Requests that come together are answered together, in order: in
/// one write, or as many as their replies fill the buffer.
///
/// # Errors
/// What reading or writing returned.
pub fn serve<C: Client, S: Store>(
    client: &mut C,
    app: &App<'_>,
    store: &S,
    peer: SocketAddr,
    side: Side,
) -> impl Future<Output = Result<(), C::Error>> {
    // Outside of the future, which would keep the address twice.
    let session = Session::open(app, peer, side);
    async move {
        let Some(session) = session else {
            return client.write_all(REFUSAL).await;
        };
        let mut connection =
            Connection { client, session, store, decoder: Decoder::new(), rx: [0; RX_LEN], rx_len: 0, tx: [0; TX_LEN] };
        connection.run().await
    }
}

/// A session that ends when its connection does, however that comes.
struct Session<'a, 'b> {
    app: &'a App<'b>,
    key: SessionKey,
}

impl<'a, 'b> Session<'a, 'b> {
    fn open(app: &'a App<'b>, peer: SocketAddr, side: Side) -> Option<Self> {
        app.open(peer, side).map(|key| Self { app, key })
    }
}

impl Drop for Session<'_, '_> {
    fn drop(&mut self) {
        self.app.close(self.key);
    }
}

/// How the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// All that came is answered.
    Read,
    /// More came meanwhile.
    Answer,
    Close,
}

struct Connection<'c, 'a, C, S> {
    client: &'c mut C,
    session: Session<'c, 'a>,
    store: &'c S,
    decoder: Decoder,
    rx: [u8; RX_LEN],
    rx_len: usize,
    tx: [u8; TX_LEN],
}

impl<C: Client, S: Store> Connection<'_, '_, C, S> {
    async fn run(&mut self) -> Result<(), C::Error> {
        if self.first_bytes().await? == Next::Close {
            return Ok(());
        }
        loop {
            match self.answer().await? {
                Next::Close => return Ok(()),
                Next::Answer => continue,
                Next::Read => (),
            }
            self.client.set_listening(self.session.app.is_listening(self.session.key));
            loop {
                // An event is dropped for input, and comes again; input is never dropped.
                let input = self.client.read(self.rx.get_mut(self.rx_len..).unwrap_or_default());
                match select(input, self.session.app.event(self.session.key)).await {
                    Either::First(len) => match len? {
                        0 => return Ok(()),
                        len => {
                            self.rx_len += len;
                            break;
                        }
                    },
                    Either::Second(()) if self.session.app.is_killed(self.session.key) => return Ok(()),
                    Either::Second(()) => self.push().await?,
                }
            }
        }
    }

    /// Reads until it is known who speaks. A browser gets its page, and nothing that speaks HTTP gets to run a command.
    async fn first_bytes(&mut self) -> Result<Next, C::Error> {
        loop {
            let len = {
                let input = self.client.read(self.rx.get_mut(self.rx_len..).unwrap_or_default());
                match select(input, self.session.app.event(self.session.key)).await {
                    Either::First(len) => len?,
                    // Nothing but its end can have happened to a session that has done nothing.
                    Either::Second(()) => return Ok(Next::Close),
                }
            };
            self.rx_len += len;
            match http_method(self.rx.get(..self.rx_len).unwrap_or_default()) {
                _ if len == 0 => return Ok(Next::Close),
                Http::NotHttp => return Ok(Next::Read),
                Http::Maybe => self.client.begin_request(),
                Http::Other => {
                    self.session.app.count(|counts| counts.http_refused = counts.http_refused.wrapping_add(1));
                    return Ok(Next::Close);
                }
                Http::Get => return self.page().await,
            }
        }
    }

    /// Reads the rest of a browser's request line, and answers it. The headers are nobody's business.
    async fn page(&mut self) -> Result<Next, C::Error> {
        self.client.begin_request();
        let target = loop {
            let line =
                self.rx.get(..self.rx_len).unwrap_or_default().split(|&byte| byte == b'\n').next().unwrap_or_default();
            if line.len() < self.rx_len {
                break target(line);
            }
            match self.rx.get_mut(self.rx_len..) {
                None | Some([]) => break None,
                Some(room) => match self.client.read(room).await? {
                    0 => break None,
                    len => self.rx_len += len,
                },
            }
        };
        match target {
            Some(Target::Page) => {
                self.session.app.count(|counts| counts.pages = counts.pages.wrapping_add(1));
                loop {
                    let (len, is_more) = self.session.app.page(self.session.key, &mut self.tx);
                    self.client.write_all(self.tx.get(..len).unwrap_or_default()).await?;
                    if !is_more {
                        return Ok(Next::Close);
                    }
                }
            }
            Some(Target::Other) => {
                let is_own = self.session.app.side(self.session.key) == Side::AccessPoint;
                self.client.write_all(if is_own { FOUND } else { NOT_FOUND }).await?;
            }
            None => self.session.app.count(|counts| counts.http_refused = counts.http_refused.wrapping_add(1)),
        }
        Ok(Next::Close)
    }

    /// Answers all requests that are there, and sends what is left of the replies.
    async fn answer(&mut self) -> Result<Next, C::Error> {
        let (filled, tail) = self.rx.split_at_mut_checked(self.rx_len).unwrap_or_default();
        let mut wait = Wait { tail, len: 0, deadline: None };
        let mut reply = ReplyWriter::new(&mut self.tx, self.session.app.protocol(self.session.key));
        let mut next = Next::Read;
        while next == Next::Read {
            let request = match self.decoder.decode(filled, self.session.app.limits(self.session.key)) {
                Ok(Some(request)) => request,
                Ok(None) => break,
                Err(error) => {
                    self.session.app.count(|counts| counts.protocol_errors = counts.protocol_errors.wrapping_add(1));
                    if reply.begin(REPLY_LEN_MAX).is_err() {
                        send(self.client, &mut reply).await?;
                    }
                    reply.error_fmt(format_args!("ERR {error}"));
                    next = Next::Close;
                    break;
                }
            };
            self.client.end_request();
            wait.deadline = None;
            next = loop {
                match self.session.app.call(self.session.key, &request, &mut reply) {
                    Flow::Continue => break Next::Read,
                    Flow::Close => break Next::Close,
                    Flow::Abort => return Ok(Next::Close),
                    Flow::Commit => {
                        self.session.app.commit(self.session.key, &request, &mut reply, self.store).await;
                        break Next::Read;
                    }
                    Flow::More => send(self.client, &mut reply).await?,
                    Flow::Text => {
                        send(self.client, &mut reply).await?;
                        let protocol = reply.protocol();
                        loop {
                            let (len, is_more) = self.session.app.text(self.session.key, &request, &mut self.tx);
                            self.client.write_all(self.tx.get(..len).unwrap_or_default()).await?;
                            if !is_more {
                                break;
                            }
                        }
                        reply = ReplyWriter::new(&mut self.tx, protocol);
                        break Next::Read;
                    }
                    Flow::Block { timeout_ms } => {
                        send(self.client, &mut reply).await?;
                        self.client.set_listening(true);
                        wait.deadline.get_or_insert_with(|| wait_until(timeout_ms));
                        match wait.until(self.client, &self.session, &mut reply).await? {
                            Woken::Sampled => (),
                            Woken::TimedOut => {
                                self.session.app.time_out(self.session.key, &mut reply);
                                break Next::Read;
                            }
                            Woken::Gone => return Ok(Next::Close),
                        }
                    }
                }
            };
        }
        send(self.client, &mut reply).await?;
        let received = wait.len;
        let rx_len = self.rx_len + received;
        self.rx_len = self.decoder.compact(self.rx.get_mut(..rx_len).unwrap_or_default());
        if self.rx_len > 0 {
            self.client.begin_request();
        }
        Ok(if next == Next::Read && received > 0 { Next::Answer } else { next })
    }

    /// Sends all that waits to be pushed.
    async fn push(&mut self) -> Result<(), C::Error> {
        let mut reply = ReplyWriter::new(&mut self.tx, self.session.app.protocol(self.session.key));
        push(self.client, &self.session, &mut reply).await
    }
}

/// What a browser asks for.
enum Target {
    Page,
    Other,
}

/// The target of an HTTP/1 request line (RFC 9112 section 3); none if it isn't one.
fn target(line: &[u8]) -> Option<Target> {
    let mut words = line.trim_ascii_end().split(|&byte| byte == b' ');
    let (_method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_http = version.starts_with(b"HTTP/1.") && words.next().is_none();
    is_http.then_some(if target == b"/" { Target::Page } else { Target::Other })
}

/// Why a request that waits waits no more.
enum Woken {
    /// A sample came.
    Sampled,
    /// It has waited as long as it wanted to.
    TimedOut,
    /// Nobody waits for it any more.
    Gone,
}

/// When a wait ends, and never if it is without a time.
fn wait_until(timeout_ms: u64) -> Instant {
    match timeout_ms {
        0 => Instant::MAX,
        _ => Instant::now() + Duration::from_millis(timeout_ms.min(BLOCK_MS_MAX)),
    }
}

/// What is received while a request waits: the request stays where it is, and the next ones come in behind it.
struct Wait<'b> {
    tail: &'b mut [u8],
    len: usize,
    /// When the request that waits gives up; none before it has waited.
    deadline: Option<Instant>,
}

impl Wait<'_> {
    /// Waits for a sample, and tells the client of pushes meanwhile.
    async fn until<C: Client>(
        &mut self,
        client: &mut C,
        session: &Session<'_, '_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Result<Woken, C::Error> {
        let app = session.app;
        loop {
            let over = Timer::at(self.deadline.unwrap_or(Instant::MAX));
            let input = async {
                match self.tail.get_mut(self.len..) {
                    // That it has gone shows when the wait is over.
                    None | Some([]) => pending().await,
                    Some(room) => client.read(room).await,
                }
            };
            match select3(input, app.event(session.key), over).await {
                Either3::First(len) => match len? {
                    0 => return Ok(Woken::Gone),
                    len => self.len += len,
                },
                Either3::Second(()) if app.is_killed(session.key) => return Ok(Woken::Gone),
                Either3::Second(()) if app.is_sampled(session.key) => return Ok(Woken::Sampled),
                Either3::Second(()) => push(client, session, reply).await?,
                Either3::Third(()) => return Ok(Woken::TimedOut),
            }
        }
    }
}

async fn send<C: Client>(client: &mut C, reply: &mut ReplyWriter<'_>) -> Result<(), C::Error> {
    if !reply.as_bytes().is_empty() {
        client.write_all(reply.as_bytes()).await?;
    }
    reply.clear();
    Ok(())
}

async fn push<C: Client>(
    client: &mut C,
    session: &Session<'_, '_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<(), C::Error> {
    while session.app.push(session.key, reply) {
        send(client, reply).await?;
    }
    send(client, reply).await
}
