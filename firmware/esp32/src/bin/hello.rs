//! The classic server on ESP32 chips, in the mode that the build was told: see `settings.rs`.
#![no_std]
#![no_main]

use core::fmt::Arguments;

use edge_nal::TcpBind;
use embassy_executor::Spawner;
use esp_hal::clock::CpuClock;
use esp_hal::ram;
use esp_hal::timer::timg::TimerGroup;
use sockeye_esp32::console::print;
use sockeye_esp32::entropy::Entropy;
use sockeye_esp32::{CHIP, SLOTS, network, store};
use sockeye_hello::Hello;
use sockeye_hello::boot::{Boot, PORT};
use sockeye_server::Server;
use sockeye_server::limits::Timeouts;
use sockeye_tcp::Acceptor;
use static_cell::ConstStaticCell;

/// The radio's heap, bytes: memory that the bootloader leaves, and as much more as an access point needs.
const HEAP_LEFT_LEN: usize = 64 * 1024;
const HEAP_MORE_LEN: usize = 36 * 1024;

static HANDLER: Hello<fn(Arguments<'_>)> = Hello::new(print);

esp_bootloader_esp_idf::esp_app_desc!();

#[esp_hal::main]
async fn main(spawner: Spawner) -> ! {
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(Timeouts::DEFAULT));

    esp_println::logger::init_logger_from_env();
    let board = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    esp_alloc::heap_allocator!(#[ram(reclaimed)] size: HEAP_LEFT_LEN);
    esp_alloc::heap_allocator!(size: HEAP_MORE_LEN);
    esp_rtos::start(TimerGroup::new(board.TIMG0).timer0, board.FROM_CPU_INTR0);

    let console = Boot::new(print as fn(Arguments<'_>), "hello", CHIP);
    let entropy = Entropy::draw(board.RNG, board.ADC1);
    let store = store::open(board.FLASH);
    let (tcp, network) =
        network::start_as_built(spawner, console, (board.WIFI, &store), &entropy).await.expect("the radio starts");

    let address = ([0, 0, 0, 0], PORT).into();
    let acceptor = tcp.bind(address).await.expect("the port is the first");
    let server: &'static Server<SLOTS> = SERVER.take();
    for slot in 0..=SLOTS {
        spawner.spawn(serve(server, slot, acceptor).expect("a task for each slot"));
    }
    spawner.spawn(watch(server).expect("one task"));
    let followed = network.interface.follow(network.stack, |address| match address {
        Some(address) => {
            console.network_up(address.address());
            console.listening(PORT, SLOTS, (address.address(), PORT).into());
        }
        None => console.network_down(),
    });
    followed.await
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor) {
    server.run_slot(slot, &acceptor, &HANDLER).await
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await
}
