//! The library's own client against the device.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use embedded_io_async::{ErrorType, Read, Write};
use sockeye_client::{Client, ClientBuffers, ClientError, ClientTimeouts, Message, Protocol};
use sockeye_device::{App, AppResources, History, Settings, Value};

use crate::board::{Board, READINGS};
use crate::script::Device;
use crate::wire::Wire;

/// The client's end of a connection.
struct End(Wire);

impl ErrorType for End {
    type Error = Infallible;
}

impl Read for End {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let output = &mut self.0.0.borrow_mut().output;
            if output.is_empty() {
                return Poll::Pending;
            }
            let len = output.len().min(buf.len());
            for (to, from) in buf.iter_mut().zip(output.drain(..len)) {
                *to = from;
            }
            Poll::Ready(Ok(len))
        })
        .await
    }
}

impl Write for End {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        self.0.0.borrow_mut().input.extend(buf);
        Ok(buf.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Runs `test` on a client from the device's own network.
fn check(test: impl AsyncFnOnce(Client<'_, End>, &App<'_>)) {
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len()];
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    let mut buffers = ClientBuffers::new();
    let client = Client::new(End(device.wire("ap")), &mut buffers, ClientTimeouts::DEFAULT.io);
    let mut testing = pin!(test(client, &app));
    for _ in 0..100 {
        if testing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        device.run();
    }
    panic!("the test waits for ever");
}

#[test]
fn typed_calls() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        check(async |mut client, app| {
            client.hello(protocol, None).await.unwrap();
            client.ping().await.unwrap();
            assert_eq!(client.get("lm35").await, Ok(None));
            app.sample(0, Value(235));
            assert_eq!(client.get("lm35").await, Ok(Some(&b"23.5"[..])));
            client.set("led", "1").await.unwrap();
            assert_eq!(client.set("led", "2").await, Err(ClientError::Refused));
            assert_eq!(client.refusal(), b"ERR value is out of range: 0 to 1");
        });
    }
}

#[test]
fn messages() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        check(async |mut client, app| {
            client.hello(protocol, None).await.unwrap();
            let mut subscription = client.subscribe(&["lm35", "uptime"]).await.unwrap();
            app.sample(1, Value(7));
            app.sample(0, Value(235));
            assert_eq!(subscription.next().await, Ok(Message { channel: b"uptime", payload: b"7" }));
            assert_eq!(subscription.next().await, Ok(Message { channel: b"lm35", payload: b"23.5" }));
        });
    }
}
