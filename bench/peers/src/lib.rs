//! embassy-net's own sockets, and picoserve on them.

use embassy_net::tcp::{Error, TcpSocket};
use embassy_net::{Stack, StackResources};
use embassy_time::{Duration, with_timeout};
use embedded_io_async::Write;
use picoserve::routing::get;
use static_cell::ConstStaticCell;

use crate::exchange::Progress;
use crate::tap::Tap;
use crate::{BUFFER_LEN, Executor, PORT, READ_LEN, SLOTS, config, listening};

const SOCKETS: usize = SLOTS + 1;
const IDLE: Duration = Duration::from_secs(10);
const LINGER: Duration = Duration::from_secs(2);
/// Bytes for a request's head, as in picoserve's examples.
const HTTP_LEN: usize = 2048;

/// Starts picoserve, or else the server on plain sockets.
pub fn start(executor: Executor, tap: Tap, http: bool) {
    static RESOURCES: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());
    let (stack, mut runner) = embassy_net::new(tap, config(), RESOURCES.take(), 1);
    executor.spawn(async move { runner.run().await }).detach();
    for id in 0..SOCKETS {
        if http {
            executor.spawn(serve_http(id, stack)).detach();
        } else {
            executor.spawn(serve(stack)).detach();
        }
    }
    listening();
}

async fn serve_http(id: usize, stack: Stack<'static>) {
    let app = picoserve::Router::new().route("/lm35", get(|| async { "23.5" }));
    let config = picoserve::Config::const_default().keep_connection_alive();
    let (mut rx, mut tx, mut http) = ([0; BUFFER_LEN], [0; BUFFER_LEN], [0; HTTP_LEN]);
    let server = picoserve::Server::new(&app, &config, &mut http);
    server.listen_and_serve(id, stack, PORT, &mut rx, &mut tx).await;
}

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
