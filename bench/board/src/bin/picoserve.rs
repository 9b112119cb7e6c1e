//! A reading over HTTP: picoserve on embassy-net's sockets, as both are shipped, with connections that stay open.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::Stack;
use picoserve::routing::get;
use picoserve::{Config, Router, Server};
use sockeye_peers::{BUFFER_LEN, PORT, SOCKETS};
use sockeye_qemu_virt::console::print;
use sockeye_qemu_virt::executor;

/// Bytes for a request's head, as in picoserve's examples.
const HTTP_LEN: usize = 2048;

#[riscv_rt::entry]
fn main() -> ! {
    executor::run(|spawner| spawner.spawn(start(spawner).expect("one task")))
}

#[embassy_executor::task]
async fn start(spawner: Spawner) {
    let stack = sockeye_peers::start(spawner);
    for id in 0..SOCKETS {
        spawner.spawn(serve(id, stack).expect("a task for each socket"));
    }
    print(format_args!("listening on port {PORT}, {SOCKETS} sockets"));
}

#[embassy_executor::task(pool_size = SOCKETS)]
async fn serve(id: usize, stack: Stack<'static>) {
    let app = Router::new().route("/lm35", get(|| async { "23.5" }));
    let config = Config::const_default().keep_connection_alive();
    let (mut rx, mut tx, mut http) = ([0; BUFFER_LEN], [0; BUFFER_LEN], [0; HTTP_LEN]);
    Server::new(&app, &config, &mut http).listen_and_serve(id, stack, PORT, &mut rx, &mut tx).await;
}
