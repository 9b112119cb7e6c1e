//! The measured exchanges on embassy-net's own sockets, as its examples use them: a task for each socket, which
//! listens, serves and closes in order.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::{Error, TcpSocket};
use embassy_time::{Duration, with_timeout};
use embedded_io_async::Write;
use sockeye_peers::{BUFFER_LEN, PORT, SOCKETS};
use sockeye_qemu_virt::console::print;
use sockeye_qemu_virt::exchange::Progress;
use sockeye_qemu_virt::executor;

const IDLE: Duration = Duration::from_secs(10);
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that are read at once.
const READ_LEN: usize = 128;

#[riscv_rt::entry]
fn main() -> ! {
    executor::run(|spawner| spawner.spawn(start(spawner).expect("one task")))
}

#[embassy_executor::task]
async fn start(spawner: Spawner) {
    let stack = sockeye_peers::start(spawner);
    for _ in 0..SOCKETS {
        spawner.spawn(serve(stack).expect("a task for each socket"));
    }
    print(format_args!("listening on port {PORT}, {SOCKETS} sockets"));
}

#[embassy_executor::task(pool_size = SOCKETS)]
async fn serve(stack: Stack<'static>) {
    let (mut rx, mut tx) = ([0; BUFFER_LEN], [0; BUFFER_LEN]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.set_nagle_enabled(false);
    socket.set_timeout(Some(IDLE));
    loop {
        if socket.accept(PORT).await.is_ok() && answer(&mut socket).await.is_ok() {
            socket.close();
            let _ = with_timeout(LINGER, until_closed(&mut socket)).await;
        }
        socket.abort();
        let _ = with_timeout(LINGER, socket.flush()).await;
    }
}

async fn answer(socket: &mut TcpSocket<'_>) -> Result<(), Error> {
    let mut buf = [0; READ_LEN];
    let mut progress = Progress::default();
    loop {
        let len = socket.read(&mut buf).await?;
        if len == 0 {
            return Ok(());
        }
        let mut received = &buf[..len];
        while let Some(exchange) = progress.take(&mut received) {
            socket.write_all(exchange.reply).await?;
            if exchange.closes {
                return Ok(());
            }
        }
    }
}

/// Our FIN is acknowledged, and the client's is here.
async fn until_closed(socket: &mut TcpSocket<'_>) -> Result<(), Error> {
    socket.flush().await?;
    while socket.read(&mut [0; 16]).await? > 0 {}
    Ok(())
}
