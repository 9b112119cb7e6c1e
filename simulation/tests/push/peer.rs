//! The peer that samples are sent to: the device itself, or a server that keeps its streams over a restart.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use sockeye_device::{
    App, AppResources, ClientAddress, ClientOrigin, DeviceIdentity, Health, History, Now, OutputError, OutputInfo,
    Platform, ReadingInfo, Settings, StreamId, Value,
};
use sockeye_resp::{Args, Decoder, Limits, Protocol, ReplyWriter, Request};

use crate::net::Pipe;

/// The peer's streams after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    Everything,
    /// The same of a server that refuses XINFO.
    WithoutXinfo,
    Nothing,
}

/// The streams of Redis as far as a sender can tell.
#[derive(Default)]
struct Streams(BTreeMap<Vec<u8>, StreamId>, bool);

impl Streams {
    fn call(&mut self, request: &Request<'_>, reply: &mut ReplyWriter<'_>) {
        let arg = |index| request.arg(index).unwrap_or_default();
        match request.name() {
            b"XINFO" if self.1 => reply.error("NOPERM this user has no permissions to run the 'xinfo|stream' command"),
            b"XINFO" => match self.0.get(arg(2)) {
                Some(last) => {
                    reply.map(1);
                    reply.bulk(b"last-generated-id");
                    reply.bulk_fmt(format_args!("{last}"));
                }
                None => reply.error("ERR no such key"),
            },
            b"XADD" => {
                let id = StreamId::parse(arg(2), 0).expect("an ID");
                let last = self.0.entry(arg(1).to_vec()).or_default();
                if id <= *last {
                    return reply
                        .error("ERR The ID specified in XADD is equal or smaller than the target stream top item");
                }
                *last = id;
                reply.bulk(arg(2));
            }
            other => panic!("{}", other.escape_ascii()),
        }
    }
}

/// A device's machine that does nothing.
struct Machine;

impl Platform for Machine {
    fn now(&self) -> Now {
        Now { uptime_us: embassy_time::Instant::now().as_micros(), unix_us: None }
    }
    fn random(&self, _: &mut [u8]) {}
    fn identity(&self) -> DeviceIdentity<'_> {
        DeviceIdentity { name: "barn", board: "a test", version: "0", run_id: "0", port: 3000 }
    }
    fn readings(&self) -> &[ReadingInfo<'_>] {
        &[]
    }
    fn outputs(&self) -> &[OutputInfo<'_>] {
        &[]
    }
    fn apply(&self, _: usize, _: Value) -> Result<(), OutputError> {
        Err(OutputError)
    }
    fn health(&self) -> Health {
        unreachable!("nobody asks")
    }
}

enum Server {
    Streams(Streams),
    Device(&'static App<'static>),
}

/// The peer, and what it ever had.
pub struct Peer {
    server: RefCell<Server>,
    keeps: Keeps,
    pub restarts: Cell<u32>,
    /// The stored samples, in order: the peer's life, the stream, the value.
    pub stored: RefCell<Vec<(u32, Vec<u8>, i32)>>,
}

impl Peer {
    pub fn new(keeps: Keeps) -> Self {
        let server = match keeps {
            Keeps::Everything => Server::Streams(Streams::default()),
            Keeps::WithoutXinfo => Server::Streams(Streams(BTreeMap::new(), true)),
            Keeps::Nothing => Server::Device(device()),
        };
        Self { server: RefCell::new(server), keeps, restarts: Cell::new(0), stored: RefCell::default() }
    }

    pub fn restart(&self) {
        self.restarts.set(self.restarts.get() + 1);
        if self.keeps == Keeps::Nothing {
            self.server.replace(Server::Device(device()));
        }
    }

    /// Answers the requests that have come on a connection, of which `rx` is the part that isn't answered yet.
    pub fn serve(&self, pipe: &Rc<RefCell<Pipe>>, rx: &mut Vec<u8>) {
        let pipe = &mut *pipe.borrow_mut();
        rx.extend(pipe.up.drain(..));
        let (mut decoder, mut args, mut tx) = (Decoder::new(), Args::new(), [0; 1024]);
        let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
        while let Some(request) = decoder.decode(rx, &mut args, &Limits::AUTHENTICATED).expect("a request") {
            reply.begin(0).expect("room");
            let before = reply.as_bytes().len();
            match &mut *self.server.borrow_mut() {
                Server::Streams(streams) => streams.call(&request, &mut reply),
                Server::Device(app) => {
                    let peer: SocketAddr = ([10, 0, 0, 2], 5000).into();
                    let key = app
                        .open(ClientAddress { peer, local: [10, 0, 0, 1].into(), origin: ClientOrigin::AccessPoint })
                        .expect("a session");
                    app.call(key, &request, false, &mut reply);
                    app.close(key);
                }
            }
            if request.name() == b"XADD" && reply.as_bytes()[before] == b'$' {
                let value = Value::parse(request.arg(4).unwrap_or_default(), 1).expect("a value");
                let stream = request.arg(1).unwrap_or_default().to_vec();
                self.stored.borrow_mut().push((self.restarts.get(), stream, value.0));
            }
            pipe.down.extend(reply.as_bytes());
            reply.clear();
        }
        let len = rx.len();
        let left = decoder.compact(&mut rx[..len]);
        rx.truncate(left);
    }
}

fn device() -> &'static App<'static> {
    // A device is never dropped; a test's few thousand aren't either.
    let histories: &'static mut [History; 2] = Box::leak(Box::new([const { History::new() }; 2]));
    Box::leak(Box::new(
        App::new(&Machine, Box::leak(Box::new(AppResources::new())), histories, Settings::default()).expect("a device"),
    ))
}
