//! The classic server on bare metal.
#![no_std]
#![no_main]

use core::fmt::Arguments;

use edge_nal::TcpBind;
use embassy_executor::Spawner;
use embassy_net::StackResources;
use sockeye_boot::{Boot, PORT};
use sockeye_hello::Hello;
use sockeye_qemu_virt::console::{print, print_line};
use sockeye_qemu_virt::network;
use sockeye_qemu_virt::virtio::NetworkCard;
use sockeye_qemu_virt::{SLOTS, executor};
use sockeye_server::Server;
use sockeye_server::limits::Timeouts;
use sockeye_tcp::{Acceptor, SocketBuffers};
use static_cell::{ConstStaticCell, StaticCell};

type Handler = Hello<fn(Arguments<'_>)>;

/// Bytes that a connection buffers, each way.
const BUFFER_LEN: usize = 1024;

#[riscv_rt::entry]
fn main() -> ! {
    executor::run(|spawner| spawner.spawn(start(spawner).expect("one task")))
}

#[embassy_executor::task]
async fn start(spawner: Spawner) {
    static BUFFERS: ConstStaticCell<SocketBuffers<{ SLOTS + 1 }, BUFFER_LEN, BUFFER_LEN>> =
        ConstStaticCell::new(SocketBuffers::new());
    static SOCKETS: ConstStaticCell<StackResources<0>> = ConstStaticCell::new(StackResources::new());

    let boot = Boot::new(print_line, "hello", "qemu-system-riscv32 -machine virt");
    let card = NetworkCard::take().expect("QEMU runs with -device virtio-net-device");
    let tcp = network::listener(BUFFERS.take());
    let (interface, stack) = network::start(spawner, card, tcp, SOCKETS.take());
    let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is the first");
    let server = server();
    for slot in 0..=SLOTS {
        spawner.spawn(serve(server, slot, acceptor).expect("a task for each slot"));
    }
    spawner.spawn(watch(server).expect("one task"));
    interface
        .follow(stack, |address| {
            if let Some(address) = address {
                boot.network_up(address.address());
                boot.listening(PORT, SLOTS, network::reach(address.address(), PORT));
            }
        })
        .await
}

/// The server, made when the program starts: as the initial value of a variable it would be 860 bytes of flash.
// Not a part of the task that calls it, whose stack would have room for a second server as long as it runs.
#[inline(never)]
fn server() -> &'static Server<SLOTS> {
    static SERVER: StaticCell<Server<SLOTS>> = StaticCell::new();
    SERVER.init_with(|| Server::new(Timeouts::DEFAULT))
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor) {
    server.run_slot(slot, &acceptor, &HANDLER).await
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await
}

static HANDLER: Handler = Hello::new(print);
