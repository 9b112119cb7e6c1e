//! A reading over HTTP: picoserve on embassy-net's sockets.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::Stack;
use peers::PORT;
use sockeye_bench_board::SOCKETS;
use sockeye_qemu_virt::console::print;
use sockeye_qemu_virt::executor;

#[riscv_rt::entry]
fn main() -> ! {
    executor::run(|spawner| spawner.spawn(start(spawner).expect("one task")))
}

#[embassy_executor::task]
async fn start(spawner: Spawner) {
    let stack = sockeye_bench_board::start(spawner);
    for id in 0..SOCKETS {
        spawner.spawn(serve(id, stack).expect("a task for each socket"));
    }
    print(format_args!("listening on port {PORT}, {SOCKETS} sockets"));
}

#[embassy_executor::task(pool_size = SOCKETS)]
async fn serve(id: usize, stack: Stack<'static>) {
    peers::serve_http(id, stack).await;
}
