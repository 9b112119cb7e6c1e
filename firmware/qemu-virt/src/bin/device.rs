//! The device on bare metal.
#![no_std]
#![no_main]

use core::net::SocketAddr;

use edge_nal::TcpBind;
use embassy_executor::Spawner;
use embassy_time::{Duration, Ticker};
use sockeye_board::limits::PERIOD_MS;
use sockeye_device::limits::TX_LEN;
use sockeye_device::{App, History, NoStore, Settings, Side};
use sockeye_endpoint::Endpoint;
use sockeye_endpoint::limits::TIMEOUTS;
use sockeye_hello::boot::{Boot, PORT};
use sockeye_qemu_virt::board::{Board, READINGS_LEN};
use sockeye_qemu_virt::console::print;
use sockeye_qemu_virt::virtio::NetworkCard;
use sockeye_qemu_virt::{SLOTS, executor, network};
use sockeye_server::Server;
// A session has a buffer of its own for requests, and empties the connection's as soon as something comes. Linux sends
// no longer segments into a window twice as large.
use sockeye_tcp::limits::SEGMENT_LEN_SURE;
use sockeye_tcp::{Acceptor, Buffers};
use static_cell::{ConstStaticCell, StaticCell};

type Handler = Endpoint<'static, NoStore>;

#[riscv_rt::entry]
fn main() -> ! {
    executor::run(|spawner| spawner.spawn(start(spawner).expect("one task")))
}

#[embassy_executor::task]
async fn start(spawner: Spawner) {
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(TIMEOUTS));
    static BOARD: StaticCell<Board> = StaticCell::new();
    static HISTORIES: ConstStaticCell<[History; READINGS_LEN]> =
        ConstStaticCell::new([const { History::new() }; READINGS_LEN]);
    static APP: StaticCell<App<'static>> = StaticCell::new();
    static ENDPOINT: StaticCell<Handler> = StaticCell::new();
    static BUFFERS: ConstStaticCell<Buffers<{ SLOTS + 1 }, SEGMENT_LEN_SURE, TX_LEN>> =
        ConstStaticCell::new(Buffers::new());

    let boot = Boot::new(print, "device", "qemu-system-riscv32 -machine virt");
    let card = NetworkCard::take().expect("QEMU runs with -device virtio-net-device");
    let server: &'static Server<SLOTS> = SERVER.take();
    let board: &'static Board = BOARD.init(Board::new(card.mac(), server));
    let tcp = network::listener(BUFFERS.take());
    let (interface, stack) = network::start(spawner, card, tcp);
    let app = App::new(board, HISTORIES.take(), Settings::default()).expect("the board describes a device");
    let app: &'static App<'static> = APP.init(app);
    // There is no other network than the host's, and whoever is there started this machine.
    let endpoint: &'static Handler = ENDPOINT.init(Endpoint::new(app, &NoStore, |_| Side::Loopback));
    let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is the first");
    for slot in 0..=SLOTS {
        spawner.spawn(serve(server, slot, acceptor, endpoint).expect("a task for each slot"));
    }
    spawner.spawn(watch(server).expect("one task"));
    spawner.spawn(measure(app, board).expect("one task"));
    interface
        .follow(stack, |address| {
            if let Some(address) = address {
                boot.network_up(address.address());
                boot.device_listening(PORT, SLOTS, SocketAddr::new(address.address().into(), PORT));
            }
        })
        .await
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor, endpoint: &'static Handler) {
    server.run_slot(slot, &acceptor, endpoint).await
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await
}

#[embassy_executor::task]
async fn measure(app: &'static App<'static>, board: &'static Board) {
    let mut ticker = Ticker::every(Duration::from_millis(u64::from(PERIOD_MS)));
    loop {
        for (index, value) in board.sample().into_iter().enumerate() {
            app.sample(index, value);
        }
        ticker.next().await;
    }
}
