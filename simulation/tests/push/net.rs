//! Connections in memory that fail at any byte.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{pending, poll_fn};

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

use edge_nal::{AddrType, Close, Dns, Readable, TcpConnect, TcpShutdown, TcpSplit};
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

/// Both directions of a connection.
#[derive(Default)]
pub struct Pipe {
    pub up: VecDeque<u8>,
    pub down: VecDeque<u8>,
    /// How many bytes still get through, each way; none for any number.
    pub up_left: Option<usize>,
    pub down_left: Option<usize>,
    /// Past those the connection says nothing, rather than that it is over.
    pub is_silent: bool,
    pub is_cut: bool,
}

impl Pipe {
    /// The peer is gone: what is on its way still arrives.
    pub fn end(&mut self) {
        self.up_left = Some(0);
        self.down_left = Some(self.down_left.unwrap_or(usize::MAX).min(self.down.len()));
    }
}

/// The fate of connections to the peer.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    #[default]
    Open,
    Refused,
    /// No answer comes.
    Lost,
}

/// The sender's side of the network.
#[derive(Default)]
pub struct Net {
    pub way: Cell<Way>,
    /// The newest connection.
    pub pipe: RefCell<Option<Rc<RefCell<Pipe>>>>,
    pub random: RefCell<fastrand::Rng>,
    pub has_faults: Cell<bool>,
}

impl TcpConnect for Net {
    type Error = ErrorKind;
    type Socket<'a> = Socket;

    async fn connect(&self, peer: SocketAddr) -> Result<Socket, ErrorKind> {
        assert_eq!(peer, ([10, 0, 0, 1], 3000).into());
        match self.way.get() {
            Way::Refused => return Err(ErrorKind::ConnectionRefused),
            Way::Lost => return pending().await,
            Way::Open => (),
        }
        let random = &mut *self.random.borrow_mut();
        let mut pipe = Pipe::default();
        if self.has_faults.get() && random.u8(..4) > 0 {
            // Some samples come through, most often: asking for two streams takes some 120 bytes.
            pipe.up_left = random.bool().then(|| random.usize(..3_000));
            pipe.down_left = random.bool().then(|| random.usize(..1_500));
            pipe.is_silent = random.u8(..4) == 0;
        }
        let pipe = Rc::new(RefCell::new(pipe));
        *self.pipe.borrow_mut() = Some(pipe.clone());
        Ok(Socket(pipe))
    }
}

/// Names have one address.
impl Dns for Net {
    type Error = ErrorKind;

    async fn get_host_by_name(&self, host: &str, _: AddrType) -> Result<IpAddr, ErrorKind> {
        assert_eq!(host, "barn");
        Ok([10, 0, 0, 1].into())
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, ErrorKind> {
        unreachable!("no name is asked for")
    }
}

/// The sender's end of a connection.
#[derive(Clone)]
pub struct Socket(Rc<RefCell<Pipe>>);

impl ErrorType for Socket {
    type Error = ErrorKind;
}

impl Read for Socket {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| {
            let pipe = &mut *self.0.borrow_mut();
            let len = pipe.down.len().min(buf.len()).min(pipe.down_left.unwrap_or(usize::MAX));
            if len == 0 {
                let is_over = pipe.is_cut || pipe.down_left == Some(0);
                return if is_over && !pipe.is_silent { Poll::Ready(Ok(0)) } else { Poll::Pending };
            }
            pipe.down_left = pipe.down_left.map(|left| left - len);
            for (to, from) in buf.iter_mut().zip(pipe.down.drain(..len)) {
                *to = from;
            }
            Poll::Ready(Ok(len))
        })
        .await
    }
}

impl Write for Socket {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        let pipe = &mut *self.0.borrow_mut();
        let len = buf.len().min(pipe.up_left.unwrap_or(usize::MAX));
        pipe.up.extend(&buf[..len]);
        pipe.up_left = pipe.up_left.map(|left| left - len);
        match len {
            0 if !pipe.is_silent => Err(ErrorKind::ConnectionReset),
            // Bytes that are written to a silent connection are lost.
            _ => Ok(buf.len()),
        }
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Readable for Socket {
    async fn readable(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|_| {
            let pipe = &*self.0.borrow();
            let is_over = (pipe.is_cut || pipe.down_left == Some(0)) && !pipe.is_silent;
            if pipe.down.is_empty() && !is_over { Poll::Pending } else { Poll::Ready(Ok(())) }
        })
        .await
    }
}

impl TcpSplit for Socket {
    type Read<'a> = Socket;
    type Write<'a> = Socket;

    fn split(&mut self) -> (Socket, Socket) {
        (self.clone(), self.clone())
    }
}

impl TcpShutdown for Socket {
    async fn close(&mut self, _: Close) -> Result<(), ErrorKind> {
        Ok(())
    }

    async fn abort(&mut self) -> Result<(), ErrorKind> {
        self.0.borrow_mut().is_cut = true;
        Ok(())
    }
}
