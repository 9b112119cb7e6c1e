//! Reads a device or a Redis server from this machine: a value, a few at once, and then each new one.
//!
//! `cargo run -p sockeye-client --example host -- 127.0.0.1:3000 lm35 [TOKEN]`

use std::error::Error;
use std::net::SocketAddr;

use futures_lite::future::block_on;
use sockeye_client::{Client, ClientBuffers, ClientTimeouts, Protocol, connect};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [address, reading, token @ ..] = &args[..] else {
        return Err("usage: host IP:PORT READING [TOKEN]".into());
    };
    block_on(run(address.parse()?, reading, token.first().map(String::as_str)))
}

async fn run(address: SocketAddr, reading: &str, token: Option<&str>) -> Result<(), Box<dyn Error>> {
    let stack = edge_nal_std::Stack::new();
    let mut buffers = ClientBuffers::new();
    let socket = connect(&stack, address, ClientTimeouts::DEFAULT.connect).await?;
    let mut client = Client::new(socket, &mut buffers, ClientTimeouts::DEFAULT.io);
    if let Err(error) = client.hello(Protocol::Resp3, token.map(str::as_bytes)).await {
        return Err(format!("{error}: {}", String::from_utf8_lossy(client.refusal())).into());
    }

    let value = client.get(reading).await?.map(String::from_utf8_lossy);
    println!("{reading} is {}", value.as_deref().unwrap_or("unknown"));

    // Both requests leave as one segment.
    client.send(&[b"DBSIZE"]).await?;
    client.send(&[b"EXISTS", reading.as_bytes()]).await?;
    println!("keys: {:?}", client.receive().await?);
    println!("exists: {:?}", client.receive().await?);

    let mut subscription = client.subscribe(&[reading]).await?;
    loop {
        let message = subscription.next().await?;
        println!("{reading} is {}", String::from_utf8_lossy(message.payload));
    }
}
