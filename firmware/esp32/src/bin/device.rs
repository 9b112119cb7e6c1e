//! The device on ESP32 chips. While nobody has configured it, its networks are those that the build was told.
#![no_std]
#![no_main]

use core::future::pending;
use core::net::Ipv4Addr;

use edge_nal::TcpBind;
use embassy_executor::Spawner;
use embassy_futures::join::{join, join3, join4};
use esp_radio::wifi::Interface;
use sockeye_board::board_platform::measure;
use sockeye_board::library_log::LibraryLog;
use sockeye_board::{boot, boot_count, build_config};
use sockeye_boot::{PAGE_PORT, PORT};
use sockeye_device::limits::{READINGS_MAX, REMOTES_MAX};
use sockeye_device::{App, AppResources, Day, Firmware, History, Outbox, Platform, StoreTask};
use sockeye_endpoint::Endpoint;
use sockeye_endpoint::limits::TIMEOUTS;
use sockeye_esp32::console::{LOG, print_and_keep};
use sockeye_esp32::entropy::Entropy;
use sockeye_esp32::esp_radio_driver::Radio;
use sockeye_esp32::interfaces::{Links, Memory};
use sockeye_esp32::platform::{Board, Chip, reset_reason, sample};
use sockeye_esp32::settings::SETTINGS;
use sockeye_esp32::store::{Flash, PROJECT};
use sockeye_esp32::{CHIP, SLOTS, boards, console, guard, interfaces, panic, pins, services, wiring};
use sockeye_firmware_update::UpdateState;
use sockeye_server::Server;
use sockeye_tcp::Acceptor;
use sockeye_wifi::adapter::{self, AdapterContext};
use static_cell::{ConstStaticCell, StaticCell};

type Handler = Endpoint<'static, StoreTask>;

esp_bootloader_esp_idf::esp_app_desc!(
    env!("CARGO_PKG_VERSION"),
    PROJECT,
    esp_bootloader_esp_idf::BUILD_TIME,
    esp_bootloader_esp_idf::BUILD_DATE,
    esp_bootloader_esp_idf::ESP_IDF_COMPATIBLE_VERSION,
    esp_bootloader_esp_idf::MMU_PAGE_SIZE,
    0,
    u16::MAX,
    esp_bootloader_esp_idf::SECURE_VERSION
);

#[esp_hal::main]
async fn main(spawner: Spawner) -> ! {
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(TIMEOUTS));
    static BOARD: StaticCell<Board> = StaticCell::new();
    static HISTORIES: ConstStaticCell<[History; READINGS_MAX + REMOTES_MAX]> =
        ConstStaticCell::new([const { History::new() }; READINGS_MAX + REMOTES_MAX]);
    static DAYS: ConstStaticCell<[Day; boards::DAYS]> = ConstStaticCell::new([const { Day::new() }; boards::DAYS]);
    static RESOURCES: ConstStaticCell<AppResources> = ConstStaticCell::new(AppResources::new());
    static APP: StaticCell<App<'static>> = StaticCell::new();
    static STORING: ConstStaticCell<StoreTask> = ConstStaticCell::new(StoreTask::new());
    static UPDATE: StaticCell<Firmware> = StaticCell::new();
    static OUTBOX: StaticCell<Outbox<'static>> = StaticCell::new();
    static MEMORY: [Memory; 2] = [const { Memory::new() }; 2];
    static LINKS: StaticCell<Links> = StaticCell::new();
    static ENDPOINT: StaticCell<Handler> = StaticCell::new();
    static LIBRARY_LOG: LibraryLog = LibraryLog(print_and_keep);

    let mut chip = sockeye_esp32::peripherals();
    panic::log_to(&LOG);
    let watchdog = guard::arm(chip.RTC_TIMER);
    // First of all, so that whatever resets an image on trial leads back to the firmware before.
    let flash = Flash::open(chip.FLASH);
    let mut slots = flash.slots();
    sockeye_esp32::start(chip.TIMG0, chip.FROM_CPU_INTR0);
    let failed_boots = boot_count::begin(&panic::BOOT_COUNT, reset_reason());
    let console = console::start("device", print_and_keep);
    let last_panic = panic::panic_message();
    boot::tell_restart(reset_reason(), last_panic.as_deref(), &console);
    if !wiring::is_calibrated() {
        console.warning(&"the chip has no calibration data: voltages can be wrong by a tenth and more");
    }
    let entropy = Entropy::draw(chip.RNG, chip.ADC1.reborrow());
    let store = flash.settings();
    let update = slots.as_ref().map(|slots| Firmware::new(slots.status(), CHIP));
    if let (Some(store), Some(UpdateState::Trial)) = (&store, slots.as_ref().map(|slots| slots.status().state)) {
        console.warning(&"this firmware is on trial: FIRMWARE CONFIRM keeps it");
        store.set_read_only().await;
    }
    let resources = RESOURCES.take();
    boot::settings(store.as_ref(), resources, || build_config::settings(SETTINGS), &console);
    console::start_log(resources.stored().0.log_level, &LIBRARY_LOG);
    let passphrase = boot::passphrase(store.as_ref(), &entropy.passphrase, &console);
    let radio = Radio::start(chip.WIFI, &resources.stored().0.radio).expect("the radio starts");
    let radios = [Interface::access_point(), Interface::station()];
    let mac = radios[0].mac_address();
    let tcp = interfaces::listener_and_client(&entropy);
    let [ap, station] = interfaces::start(spawner, tcp, &MEMORY, radios, &entropy);
    let network: &'static Links = LINKS.init(Links { ap: Some(ap), station: Some(station) });

    let server: &'static Server<SLOTS> = SERVER.take();
    let pins = pins!(chip);
    let wired = wiring::Pins::new(chip.I2C0, chip.RMT, chip.ADC1, chip.LEDC, chip.IO_MUX);
    let board: &'static Board = BOARD.init(Board::new(Chip { pins: wired, server }, mac, last_panic, failed_boots));
    let app = App::booted(board, resources, HISTORIES.take()).expect("the board describes a device");
    let outbox: &'static Outbox<'static> = OUTBOX.init_with(|| Outbox::new(board.readings()));
    let app = app.with_days(DAYS.take()).with_outbox(outbox).with_log(&LOG);
    let update = update.map(|update| &*UPDATE.init(update));
    let app: &'static App<'static> = APP.init(app.with_firmware(update));
    let storing: &'static StoreTask = STORING.take();
    let endpoint: &'static Handler = ENDPOINT.init(Endpoint::new(app, storing, network));
    let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the first port");
    tcp.bind(([0, 0, 0, 0], PAGE_PORT).into()).await.expect("the second port");
    // Each is spawned as often as there is room for it.
    (0..=SLOTS).for_each(|slot| spawner.spawn(serve(server, slot, acceptor, endpoint).expect("a task for each slot")));
    spawner.spawn(watch(server).expect("one task"));
    if let Links { ap: Some(ap), station: Some(station) } = network {
        spawner.spawn(services::dhcp_server(ap).expect("one task"));
        spawner.spawn(services::captive_dns(ap).expect("one task"));
        spawner.spawn(services::mdns_sntp_and_push(station, app, board, outbox).expect("one task"));
    }
    let up = |address: Ipv4Addr| {
        console.network_up(address);
        console.device_listening(PORT, SLOTS, (address, PORT).into());
    };
    let context = AdapterContext { network, console, up: &up, passphrase, rssi_dbm: &board.rssi };
    let measuring =
        join(measure(app, || sample(board, (pins.celsius)())), sockeye_wiring::run::run(&board.hardware.pins, app));
    let guarding = join4(
        guard::watchdog(watchdog, server),
        guard::button(pins.button, &store),
        guard::restart_requested(app),
        boot_count::stay_up(&panic::BOOT_COUNT),
    );
    let updating = async {
        match &mut slots {
            Some(slots) => app.update(slots, store.as_ref()).await,
            None => pending().await,
        }
    };
    let working = join3(storing.run(&store), updating, app.keep_rules());
    join4(adapter::run(app, radio, context), working, measuring, guarding).await.0
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor, endpoint: &'static Handler) {
    server.run_slot(slot, &acceptor, endpoint).await
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await
}
