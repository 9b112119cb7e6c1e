//! Sockeye's server on Sockeye's listener, as the boards have them.

use edge_nal::TcpBind;
use embassy_net::StackResources;
use exchange::answer;
use peers::{BUFFER_LEN, PORT};
use sockeye_server::limits::Timeouts;
use sockeye_server::{Connection, ConnectionError, Handler, Server, Socket};
use sockeye_tcp::{DriverPort, Frames, IsnKey, Options, Resources, SocketBuffers, Tcp, TcpSocket};
use static_cell::{ConstStaticCell, StaticCell};

use crate::tap::Tap;
use crate::{Executor, SLOTS, config, listening};

/// Answers the exchanges.
pub struct Answer;

impl<S: Socket> Handler<S> for Answer {
    async fn serve(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        answer(client).await
    }
}

/// Starts the server with the handler that `handler` makes for it.
pub fn start<H: Handler<TcpSocket>>(executor: Executor, tap: Tap, handler: fn(&'static Server<SLOTS>) -> &'static H) {
    static BUFFERS: ConstStaticCell<SocketBuffers<{ SLOTS + 1 }, BUFFER_LEN, BUFFER_LEN>> =
        ConstStaticCell::new(SocketBuffers::new());
    static RESOURCES: StaticCell<Resources<{ SLOTS + 1 }>> = StaticCell::new();
    static FRAMES: ConstStaticCell<Frames<1, 1>> = ConstStaticCell::new(Frames::new());
    static TAP: StaticCell<DriverPort<Tap>> = StaticCell::new();
    static NET: ConstStaticCell<StackResources<2>> = ConstStaticCell::new(StackResources::new());
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(Timeouts::DEFAULT));

    let options = Options { handshake: Timeouts::DEFAULT.handshake, isn_key: IsnKey::new([1; 16]) };
    let tcp = Tcp::new(BUFFERS.take(), RESOURCES.init(Resources::new()), options);
    let (interface, mut runner, rest) = tcp.attach(FRAMES.take(), TAP.init(DriverPort::new(tap)));
    let (stack, mut net) = embassy_net::new(rest, config(), NET.take(), 1);
    executor.spawn(async move { runner.run().await }).detach();
    executor.spawn(async move { net.run().await }).detach();
    let server: &'static Server<SLOTS> = SERVER.take();
    let handler = handler(server);
    let serve = async move {
        let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is the first");
        for slot in 0..=SLOTS {
            executor.spawn(async move { server.run_slot(slot, &acceptor, handler).await }).detach();
        }
        interface.follow(stack, |address| address.into_iter().for_each(|_| listening())).await
    };
    executor.spawn(serve).detach();
    executor.spawn(server.watch()).detach();
}
