//! A sensor node of your own: it measures once a second, and sends each value to another device or a Redis. Values wait
//! while the peer is away, and arrive once.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_futures::join::join3;
use embassy_net::StackResources;
use embassy_time::{Duration, Instant, Ticker};
use sockeye_board::readings::LM35;
use sockeye_device::{Now, Outbox, PushSettings, ReadingInfo, Value};
use sockeye_endpoint::{PushBuffers, push};
use sockeye_qemu_virt::virtio::NetworkCard;
use sockeye_qemu_virt::{executor, network};
use sockeye_services::limits::HOP_LIMIT;
use sockeye_services::{Resolver, ResolverBuffers, Udp};
use sockeye_tcp::SocketBuffers;
use static_cell::ConstStaticCell;

static READINGS: [ReadingInfo<'static>; 1] = [LM35];

#[riscv_rt::entry]
fn main() -> ! {
    executor::run(|spawner| spawner.spawn(node(spawner).expect("one task")))
}

#[embassy_executor::task]
async fn node(spawner: Spawner) {
    static CONNECTION: ConstStaticCell<SocketBuffers<1, 256, 256>> = ConstStaticCell::new(SocketBuffers::new());
    static NET: ConstStaticCell<StackResources<1>> = ConstStaticCell::new(StackResources::new());
    static DNS: ConstStaticCell<ResolverBuffers> = ConstStaticCell::new(ResolverBuffers::new());
    static BUFFERS: ConstStaticCell<PushBuffers> = ConstStaticCell::new(PushBuffers::sized());

    let card = NetworkCard::take().expect("QEMU runs with -device virtio-net-device");
    let (interface, stack) = network::start(spawner, card, network::client(CONNECTION.take()), NET.take());
    let outbox = Outbox::new(&READINGS);
    let to = "10.0.2.2:6379".try_into().expect("a short name");
    outbox.configure(&PushSettings { to, ..PushSettings::default() }, "greenhouse");

    let measuring = async {
        let mut ticker = Ticker::every(Duration::from_secs(1));
        loop {
            let uptime_us = Instant::now().as_micros();
            // The sensor's place: this one says 20.0 °C, and a tenth more each second.
            let value = Value(200 + (uptime_us / 1_000_000 % 100) as i32);
            outbox.put(0, value, Now { uptime_us, unix_us: None });
            ticker.next().await;
        }
    };
    // A chip has random numbers that nobody can guess; this machine has none.
    let random = |bytes: &mut [u8]| bytes.fill_with(|| Instant::now().as_ticks() as u8);
    let dns = Resolver::new(Udp::new(stack, DNS.take(), HOP_LIMIT), random);
    let sending = push(&outbox, &(), &interface, &dns, BUFFERS.take(), || Instant::now().as_ticks() as u32);
    join3(interface.follow(stack, |_| ()), measuring, sending).await;
}
