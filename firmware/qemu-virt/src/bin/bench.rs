//! The server that is measured: it answers the exchanges of `bench/exchange`.
//!
//! `SOCKEYE_JOINED=1` in the environment of the build runs all slots in one task instead of a task for each.
#![no_std]
#![no_main]

use edge_nal::TcpBind;
use embassy_executor::Spawner;
use embassy_net::StackResources;
use exchange::answer;
use sockeye_boot::{Boot, PORT};
use sockeye_qemu_virt::console::print_line;
use sockeye_qemu_virt::virtio::NetworkCard;
use sockeye_qemu_virt::{SLOTS, executor, network};
use sockeye_server::limits::Timeouts;
use sockeye_server::{Connection, ConnectionError, Handler, Server, Socket};
use sockeye_tcp::{Acceptor, SocketBuffers};
use static_cell::ConstStaticCell;

const JOINED: bool = option_env!("SOCKEYE_JOINED").is_some();

struct Bench;

impl<S: Socket> Handler<S> for Bench {
    async fn serve(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        answer(client).await
    }
}

/// Bytes that a connection buffers, each way.
const BUFFER_LEN: usize = 1024;

#[riscv_rt::entry]
fn main() -> ! {
    executor::run(|spawner| spawner.spawn(start(spawner).expect("one task")))
}

#[embassy_executor::task]
async fn start(spawner: Spawner) {
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(Timeouts::DEFAULT));
    static BUFFERS: ConstStaticCell<SocketBuffers<{ SLOTS + 1 }, BUFFER_LEN, BUFFER_LEN>> =
        ConstStaticCell::new(SocketBuffers::new());
    static SOCKETS: ConstStaticCell<StackResources<0>> = ConstStaticCell::new(StackResources::new());

    let boot = Boot::new(print_line, "bench", "qemu-system-riscv32 -machine virt");
    let card = NetworkCard::take().expect("QEMU runs with -device virtio-net-device");
    let tcp = network::listener(BUFFERS.take());
    let (interface, stack) = network::start(spawner, card, tcp, SOCKETS.take());
    let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is the first");
    let server: &'static Server<SLOTS> = SERVER.take();
    if JOINED {
        spawner.spawn(serve_all(server, acceptor).expect("one task"));
    } else {
        for slot in 0..=SLOTS {
            spawner.spawn(serve(server, slot, acceptor).expect("a task for each slot"));
        }
        spawner.spawn(watch(server).expect("one task"));
    }
    interface
        .follow(stack, |address| {
            if let Some(address) = address {
                boot.network_up(address.address());
                boot.listening(PORT, SLOTS, (address.address(), PORT).into());
            }
        })
        .await
}

#[embassy_executor::task]
async fn serve_all(server: &'static Server<SLOTS>, acceptor: Acceptor) {
    server.run(&acceptor, &Bench).await;
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor) {
    server.run_slot(slot, &acceptor, &Bench).await;
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await;
}
