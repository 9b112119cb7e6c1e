//! Sockeye's server on Sockeye's listener, as the boards have them.

use edge_nal::TcpBind;
use embassy_executor::Spawner;
use embassy_net::StackResources;
use embassy_net_tuntap::TunTapDevice;
use embedded_io_async::{Read, Write};
use sockeye_server::limits::Timeouts;
use sockeye_server::{Connection, Error, Handler, Server, Socket};
use sockeye_tcp::{Acceptor, Buffers, Device, Frames, Options, Port, Resources, Runner, Tcp};
use static_cell::{ConstStaticCell, StaticCell};

use crate::exchange::Progress;
use crate::{BUFFER_LEN, PORT, READ_LEN, SLOTS, config, listening};

struct Answer;

impl<S: Socket> Handler<S> for Answer {
    async fn serve(&self, client: &mut Connection<'_, S>) -> Result<(), Error<S::Error>> {
        let mut buf = [0; READ_LEN];
        let mut progress = Progress::default();
        loop {
            let len = client.read(&mut buf).await?;
            if len == 0 {
                return Ok(());
            }
            let mut received = &buf[..len];
            while let Some(exchange) = progress.take(&mut received) {
                client.write_all(exchange.reply).await?;
                if exchange.closes {
                    return Ok(());
                }
            }
        }
    }
}

#[embassy_executor::task]
pub async fn start(spawner: Spawner, device: TunTapDevice) {
    static BUFFERS: ConstStaticCell<Buffers<{ SLOTS + 1 }, BUFFER_LEN, BUFFER_LEN>> =
        ConstStaticCell::new(Buffers::new());
    static RESOURCES: StaticCell<Resources<{ SLOTS + 1 }>> = StaticCell::new();
    static FRAMES: ConstStaticCell<Frames<1, 1>> = ConstStaticCell::new(Frames::new());
    static TAP: StaticCell<Port<TunTapDevice>> = StaticCell::new();
    static NET: ConstStaticCell<StackResources<2>> = ConstStaticCell::new(StackResources::new());
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(Timeouts::DEFAULT));

    let options = Options { handshake: Timeouts::DEFAULT.handshake };
    let tcp = Tcp::new(BUFFERS.take(), RESOURCES.init(Resources::new()), options);
    let (interface, runner, rest) = tcp.attach(FRAMES.take(), TAP.init(Port::new(device, 1)));
    let (stack, net) = embassy_net::new(rest, config(), NET.take(), 1);
    spawner.spawn(run_tcp(runner).expect("one task"));
    spawner.spawn(run_net(net).expect("one task"));
    let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is the first");
    let server: &'static Server<SLOTS> = SERVER.take();
    for slot in 0..=SLOTS {
        spawner.spawn(serve(server, slot, acceptor).expect("a task for each slot"));
    }
    spawner.spawn(watch(server).expect("one task"));
    interface.follow(stack, |address| address.into_iter().for_each(|_| listening())).await
}

#[embassy_executor::task]
async fn run_tcp(mut runner: Runner<TunTapDevice>) {
    runner.run().await
}

#[embassy_executor::task]
async fn run_net(mut runner: embassy_net::Runner<'static, Device>) {
    runner.run().await
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor) {
    server.run_slot(slot, &acceptor, &Answer).await
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await
}
