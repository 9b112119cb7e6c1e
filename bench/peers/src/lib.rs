//! Servers that Sockeye is compared with, on embassy-net's own sockets: plain ones as embassy-net's examples use them,
//! and picoserve. The board and the host run the same code.
#![no_std]

use embassy_net::Stack;
use embassy_net::tcp::{Error, TcpSocket};
use embassy_time::{Duration, with_timeout};
use exchange::answer;
use picoserve::routing::get;
use picoserve::{Config, Router, Server};

/// The port that is served.
pub const PORT: u16 = 3000;
/// Bytes that a connection buffers, each way: as many as Sockeye's.
pub const BUFFER_LEN: usize = 1024;
const IDLE: Duration = Duration::from_secs(10);
const LINGER: Duration = Duration::from_secs(2);
/// Bytes for a request's head, as in picoserve's examples.
const HTTP_LEN: usize = 2048;

/// Serves one client after the other on a socket: listens, answers the measured exchanges, closes.
pub async fn serve_exchanges(stack: Stack<'static>) -> ! {
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

/// The server's FIN is acknowledged, and the client's has arrived.
async fn until_closed(socket: &mut TcpSocket<'_>) -> Result<(), Error> {
    socket.flush().await?;
    while socket.read(&mut [0; 16]).await? > 0 {}
    Ok(())
}

/// Serves a reading over HTTP with picoserve as it is shipped, on connections that stay open. `id` is the socket's number.
pub async fn serve_http(id: usize, stack: Stack<'static>) {
    let app = Router::new().route("/lm35", get(|| async { "23.5" }));
    let config = Config::const_default().keep_connection_alive();
    let (mut rx, mut tx, mut http) = ([0; BUFFER_LEN], [0; BUFFER_LEN], [0; HTTP_LEN]);
    Server::new(&app, &config, &mut http).listen_and_serve(id, stack, PORT, &mut rx, &mut tx).await;
}
