//! The classic server on ESP32 chips, in a network of its own or in the one that the build was told.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::fmt::Arguments;
use core::net::Ipv4Addr;

use edge_nal::TcpBind;
use embassy_executor::Spawner;
use esp_hal::rng::Rng;
use esp_radio::wifi::Interface;
use sockeye_board::boot;
use sockeye_board::library_log::LibraryLog;
use sockeye_boot::BuildSettings;
use sockeye_boot::PORT;
use sockeye_device::LogLevel;
use sockeye_esp32::console::{print, print_line};
use sockeye_esp32::entropy::Entropy;
use sockeye_esp32::esp_radio_driver::Radio;
use sockeye_esp32::interfaces::{Links, Memory};
use sockeye_esp32::settings::SETTINGS;
use sockeye_esp32::store::Flash;
use sockeye_esp32::{SLOTS, console, interfaces, services};
use sockeye_hello::Hello;
use sockeye_server::Server;
use sockeye_server::limits::Timeouts;
use sockeye_tcp::Acceptor;
use sockeye_wifi::RadioConfig;
use sockeye_wifi::adapter::{AdapterContext, StaticNetwork};
use static_cell::{ConstStaticCell, StaticCell};

const IS_AP: bool = matches!(SETTINGS, BuildSettings::AccessPoint { .. });

static HANDLER: Hello<fn(Arguments<'_>)> = Hello::new(print);

esp_bootloader_esp_idf::esp_app_desc!();

#[esp_hal::main]
async fn main(spawner: Spawner) -> ! {
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(Timeouts::DEFAULT));
    static MEMORY: [Memory; 1] = [Memory::new()];
    static LINKS: StaticCell<Links> = StaticCell::new();

    let chip = sockeye_esp32::peripherals();
    sockeye_esp32::start(chip.TIMG0, chip.FROM_CPU_INTR0);
    let console = console::start("hello", print_line);
    static LOG: LibraryLog = LibraryLog(print_line);
    console::start_log(LogLevel::default(), &LOG);
    let entropy = Entropy::draw(chip.RNG, chip.ADC1);
    let passphrase = boot::passphrase(Flash::open(chip.FLASH).settings().as_ref(), &entropy.passphrase, &console);
    let radio = Radio::start(chip.WIFI, &RadioConfig::default()).expect("the radio starts");
    let interface = if IS_AP { Interface::access_point() } else { Interface::station() };
    let mac = interface.mac_address();
    let tcp = interfaces::listener(&entropy);
    let [link] = interfaces::start(spawner, tcp, &MEMORY, [interface], &entropy);
    let (ap, station) = if IS_AP { (Some(link), None) } else { (None, Some(link)) };
    let network: &'static Links = LINKS.init(Links { ap, station });

    let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is the first");
    let server: &'static Server<SLOTS> = SERVER.take();
    // Each is spawned as often as there is room for it.
    for slot in 0..=SLOTS {
        spawner.spawn(serve(server, slot, acceptor).expect("a task for each slot"));
    }
    spawner.spawn(watch(server).expect("one task"));
    if let Some(ap) = &network.ap {
        spawner.spawn(services::dhcp_server(ap).expect("one task"));
    }
    let up = |address: Ipv4Addr| {
        console.network_up(address);
        console.listening(PORT, SLOTS, (address, PORT).into());
    };
    let context = AdapterContext { network, console, up: &up, passphrase, rssi_dbm: &Cell::new(None) };
    StaticNetwork::<IS_AP>::run(radio, context, SETTINGS, mac, || Rng::new().random()).await
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor) {
    server.run_slot(slot, &acceptor, &HANDLER).await
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await
}
