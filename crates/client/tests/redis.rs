//! The client against Redis itself, over loopback.
//!
//! Needs `redis-server` on the path, so it runs only when asked for:
//! `cargo test -p sockeye-client --test redis -- --ignored`.

#![cfg(unix)]

#[path = "../../sockeye/tests/common/mod.rs"]
mod common;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::free_port;
use futures_lite::future::block_on;
use sockeye_client::{Client, ClientBuffers, ClientError, ClientTimeouts, Message, Protocol, Reply, connect};

/// A Redis of the test's own.
struct Redis {
    server: Child,
    address: SocketAddr,
}

impl Redis {
    fn start(options: &[&str]) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &address.port().to_string()])
            .args(options)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "redis-server doesn't listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { server, address }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

type Socket = edge_nal_std::TcpSocket;

fn check(options: &[&str], test: impl AsyncFnOnce(Client<'_, Socket>)) {
    let redis = Redis::start(options);
    block_on(async {
        let stack = edge_nal_std::Stack::new();
        let mut buffers = ClientBuffers::new();
        let socket = connect(&stack, redis.address, ClientTimeouts::DEFAULT.connect).await.unwrap();
        test(Client::new(socket, &mut buffers, ClientTimeouts::DEFAULT.io)).await;
    });
}

fn refused<T>(result: Result<T, ClientError<std::io::Error>>) -> bool {
    matches!(result, Err(ClientError::Refused))
}

#[test]
#[ignore = "needs redis-server"]
fn typed_calls() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        check(&[], async |mut client| {
            client.hello(protocol, None).await.unwrap();
            client.ping().await.unwrap();
            assert_eq!(client.get("a").await.unwrap(), None);
            client.set("a", "1").await.unwrap();
            assert_eq!(client.get("a").await.unwrap(), Some(&b"1"[..]));

            assert_eq!(client.stream_last_id("s").await.unwrap(), None);
            assert_eq!(client.xadd("s", "5-1", ("value", "23.5")).await.unwrap(), b"5-1");
            assert!(refused(client.xadd("s", "5-1", ("value", "23.5")).await));
            let text = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
            assert_eq!(client.refusal(), text.as_bytes());
            client.request(&[b"XDEL", b"s", b"5-1"]).await.unwrap();
            assert_eq!(client.stream_last_id("s").await.unwrap(), Some(&b"5-1"[..]));
            assert!(refused(client.stream_last_id("a").await));
            assert!(refused(client.get("s").await));
        });
    }
}

#[test]
#[ignore = "needs redis-server"]
fn logging_in() {
    check(&["--requirepass", "correct-horse"], async |mut client| {
        assert!(refused(client.get("a").await));
        assert_eq!(client.refusal(), b"NOAUTH Authentication required.");
        assert!(refused(client.auth(b"wrong").await));
        assert!(refused(client.hello(Protocol::Resp3, Some(b"wrong")).await));
        client.auth(b"correct-horse").await.unwrap();
        client.hello(Protocol::Resp3, Some(b"correct-horse")).await.unwrap();
        assert_eq!(client.get("a").await.unwrap(), None);
    });
}

#[test]
#[ignore = "needs redis-server"]
fn a_thousand_requests_at_once() {
    check(&[], async |mut client| {
        for _ in 0..50 {
            for _ in 0..20 {
                client.send(&[b"INCR", b"n"]).await.unwrap();
            }
            while client.owed() > 0 {
                assert!(matches!(client.receive().await.unwrap(), Reply::Integer(_)));
            }
        }
        assert_eq!(client.get("n").await.unwrap(), Some(&b"1000"[..]));
    });
}

#[test]
#[ignore = "needs redis-server"]
fn messages() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let redis = Redis::start(&[]);
        block_on(async {
            let stack = edge_nal_std::Stack::new();
            let (mut one, mut two) = (ClientBuffers::new(), ClientBuffers::new());
            let timeouts = ClientTimeouts::DEFAULT;
            let socket = connect(&stack, redis.address, timeouts.connect).await.unwrap();
            let mut reader = Client::new(socket, &mut one, timeouts.io);
            reader.hello(protocol, None).await.unwrap();
            let mut subscription = reader.subscribe(&["a", "b"]).await.unwrap();
            let socket = connect(&stack, redis.address, timeouts.connect).await.unwrap();
            let mut writer = Client::new(socket, &mut two, timeouts.io);
            for payload in ["1", "2"] {
                writer.request(&[b"PUBLISH", b"b", payload.as_bytes()]).await.unwrap();
                let expected = Message { channel: b"b", payload: payload.as_bytes() };
                assert_eq!(subscription.next().await.unwrap(), expected);
            }
        });
    }
}

#[test]
fn a_port_that_nobody_listens_on() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let stack = edge_nal_std::Stack::new();
    let refused = block_on(connect(&stack, address, ClientTimeouts::DEFAULT.connect));
    assert!(matches!(refused, Err(ClientError::Io(_))));
}
