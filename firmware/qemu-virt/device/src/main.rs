//! The device on bare metal.
#![no_std]
#![no_main]

mod board;
mod parts;
mod retained;
mod services;

use core::future::pending;

use edge_nal::TcpBind;
use embassy_executor::Spawner;
use embassy_futures::join::{join3, join4};
use embassy_net::StackResources;
use embassy_time::Duration;
use sockeye_board::board_platform::{self, BoardHardware};
use sockeye_board::limits::{WATCHDOG_LOOK_MS, WATCHDOG_MS};
use sockeye_board::{boot, boot_count};
use sockeye_boot::{Boot, PORT};
use sockeye_device::limits::{READINGS_MAX, REMOTES_MAX, RX_LEN, SALT_LEN, TX_LEN};
use sockeye_device::{
    App, AppResources, ClientOrigin, Day, Firmware, FlashStore, History, Outbox, Platform, PushSettings, Seconds,
    Settings, StoreTask, TokenHash,
};
use sockeye_endpoint::limits::{PUSH_SOCKET_BUFFER_LEN, TIMEOUTS};
use sockeye_endpoint::{ClientOrigins, Endpoint};
use sockeye_firmware_update::limits::KEY_LEN;
use sockeye_firmware_update::{UpdateState, Updater};
use sockeye_parts::SimulatedBoard;
use sockeye_qemu_virt::config::Config;
use sockeye_qemu_virt::virtio::NetworkCard;
use sockeye_qemu_virt::watchdog::Watchdog;
use sockeye_qemu_virt::{SLOTS, executor, network, restart};
use sockeye_qemu_virt_flash::partitions::{self, CHIP, SETTINGS};
use sockeye_qemu_virt_flash::{Flash, bank as flash};
use sockeye_server::{Liveness, Server};
use sockeye_tcp::{Acceptor, SocketBuffers};
use static_cell::{ConstStaticCell, StaticCell};

use crate::board::{Board, Machine};
use crate::retained::{BOOT_COUNT, Cause, LOG};

/// embassy-net's own sockets: those of the services, and one to spare.
const SOCKETS: usize = 1 + services::SOCKETS;
/// Readings of which a day is kept: as many as on an ESP32-C3.
const DAYS: usize = 3;
/// Where a phone looks for a page that tells it how to get further.
const BROWSER_PORT: u16 = 80;

type Handler = Endpoint<'static, StoreTask>;
type Store = FlashStore<Flash>;
type Slots = &'static mut Updater<Flash>;

#[riscv_rt::entry]
fn main(_hart: usize, _device_tree: usize, booted: usize) -> ! {
    let watchdog = Watchdog::arm(WATCHDOG_MS);
    let config = Config::read();
    flash::set_erase_ms(config.get("flash.erase").and_then(|ms| ms.parse().ok()).unwrap_or(0));
    // First of all, so that whatever resets an image on trial leads back to the firmware before.
    let slots = slots(booted, &config);
    if slots.is_some() || config.get("panic") == Some("restart") {
        restart::set_on_panic();
    }
    executor::run(|spawner| spawner.spawn(start(spawner, config, slots, watchdog).expect("one task")))
}

/// The slots for images; None if no bootloader has started this one.
// `main` never returns, so what it has on the stack stays there.
#[inline(never)]
fn slots(booted: usize, config: &Config) -> Option<Slots> {
    static UPDATER: StaticCell<Updater<Flash>> = StaticCell::new();

    let slots = partitions::slots(booted, config.get("update.key").and_then(update_key))?;
    Some(UPDATER.init(slots))
}

#[embassy_executor::task]
async fn start(spawner: Spawner, config: Config, slots: Option<Slots>, watchdog: Option<Watchdog>) {
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(TIMEOUTS));
    static BOARD: StaticCell<Board> = StaticCell::new();
    static HISTORIES: ConstStaticCell<[History; READINGS_MAX + REMOTES_MAX]> =
        ConstStaticCell::new([const { History::new() }; READINGS_MAX + REMOTES_MAX]);
    static DAYS_OF_READINGS: ConstStaticCell<[Day; DAYS]> = ConstStaticCell::new([const { Day::new() }; DAYS]);
    static OUTBOX: StaticCell<Outbox<'static>> = StaticCell::new();
    static RESOURCES: ConstStaticCell<AppResources> = ConstStaticCell::new(AppResources::new());
    static APP: StaticCell<App<'static>> = StaticCell::new();
    static STORING: ConstStaticCell<StoreTask> = ConstStaticCell::new(StoreTask::new());
    static UPDATE: StaticCell<Firmware> = StaticCell::new();
    static ENDPOINT: StaticCell<Handler> = StaticCell::new();
    static BUFFERS: ConstStaticCell<SocketBuffers<{ SLOTS + 1 }, RX_LEN, TX_LEN>> =
        ConstStaticCell::new(SocketBuffers::new());
    static OUTGOING: ConstStaticCell<SocketBuffers<1, PUSH_SOCKET_BUFFER_LEN, PUSH_SOCKET_BUFFER_LEN>> =
        ConstStaticCell::new(SocketBuffers::new());
    static NET: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());

    let (reset_reason, last_panic) = retained::boot();
    let failed_boots = boot_count::begin(&BOOT_COUNT, reset_reason);
    let console = Boot::of_version(retained::print, Machine::VERSION, "device", Machine::NAME);
    boot::tell_restart(reset_reason, last_panic.as_deref(), &console);
    let card = NetworkCard::take().expect("QEMU runs with -device virtio-net-device");
    let server: &'static Server<SLOTS> = SERVER.take();
    let parts = parts::start();
    let machine = Machine::new(server, &parts.bench, reset_reason);
    let board: &'static Board = BOARD.init(Board::new(machine, card.mac(), last_panic, failed_boots));
    let tcp = network::listener_and_client(BUFFERS.take(), OUTGOING.take());
    let (interface, stack) = network::start(spawner, card, tcp, NET.take());
    let has_own_network = config.get("network") == Some("own");
    let store = FlashStore::new(Flash, SETTINGS).expect("the partition is whole sectors");
    Flash::format(SETTINGS.start, SETTINGS.end).expect("QEMU may write to the flash");
    let update = slots.as_ref().map(|slots| Firmware::new(slots.status(), CHIP));
    if slots.as_ref().is_some_and(|slots| slots.status().state == UpdateState::Trial) {
        console.warning(&"this firmware is on trial: FIRMWARE CONFIRM keeps it");
        store.set_read_only().await;
    }
    let resources = RESOURCES.take();
    boot::settings(Some(&store), resources, || settings(&config, board), &console);
    let app = App::booted(board, resources, HISTORIES.take()).expect("the board describes a device");
    let outbox: &'static Outbox<'static> = OUTBOX.init_with(|| Outbox::new(board.readings()));
    let update = update.map(|update| &*UPDATE.init(update));
    let app = app.with_days(DAYS_OF_READINGS.take()).with_outbox(outbox).with_firmware(update).with_log(&LOG);
    let app: &'static App<'static> = APP.init(app);
    // There is no other network than the host's. A client there started this machine, or is in the network of the
    // machine's host.
    let origins: &'static dyn ClientOrigins =
        if has_own_network { &|_| ClientOrigin::AccessPoint } else { &|_| ClientOrigin::Loopback };
    let storing: &'static StoreTask = STORING.take();
    let endpoint: &'static Handler = ENDPOINT.init(Endpoint::new(app, storing, origins));
    let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the port is the first");
    for slot in 0..=SLOTS {
        spawner.spawn(serve(server, slot, acceptor, endpoint).expect("a task for each slot"));
    }
    spawner.spawn(watch(server).expect("one task"));
    spawner.spawn(measure(app, parts).expect("one task"));
    spawner.spawn(keep(storing, store, app, slots).expect("one task"));
    spawner.spawn(services::push_and_sntp(outbox, app, interface, stack, board).expect("one task"));
    if let Some(watchdog) = watchdog {
        spawner.spawn(guard(server, watchdog).expect("one task"));
    }
    if has_own_network {
        tcp.bind(([0, 0, 0, 0], BROWSER_PORT).into()).await.expect("the port is the second");
        services::start(spawner, stack, interface, (network::address(), network::PREFIX_LEN), app);
    }
    interface
        .follow(stack, |address| {
            if let Some(address) = address {
                console.network_up(address.address());
                console.device_listening(PORT, SLOTS, network::reach(address.address(), PORT));
            }
        })
        .await
}

/// The device's settings, as far as the machine was told.
fn settings(config: &Config, board: &Board) -> Settings {
    let mut salt = [0; SALT_LEN];
    board.random(&mut salt);
    Settings {
        name: config.get("device.name").and_then(|name| name.try_into().ok()).unwrap_or_default(),
        token: config.get("auth.token").map(|token| TokenHash::new(token.as_bytes(), salt)),
        push: push_settings(config),
        remote_expire: config.get("remote.expire").and_then(|s| s.parse().ok()).map_or_else(Seconds::default, Seconds),
        time_server: config.get("time.server").and_then(|server| server.try_into().ok()).unwrap_or_default(),
        ..Settings::default()
    }
}

/// The public key of whoever may update the firmware, from 64 hexadecimal digits. A chip's firmware has it built in; this
/// machine is told it, so that its release image is the one that is tested.
fn update_key(digits: &str) -> Option<[u8; KEY_LEN]> {
    let mut key = [0; KEY_LEN];
    if digits.len() != 2 * KEY_LEN {
        return None;
    }
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(key)
}

fn push_settings(config: &Config) -> PushSettings {
    let word = |key| config.get(key).unwrap_or_default();
    PushSettings {
        to: word("push.to").try_into().unwrap_or_default(),
        token: word("push.token").try_into().unwrap_or_default(),
        names: config.get("push.names").unwrap_or("*").try_into().unwrap_or_default(),
        period_ms: word("push.period").parse().unwrap_or_default(),
    }
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor, endpoint: &'static Handler) {
    server.run_slot(slot, &acceptor, endpoint).await
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await
}

/// Feeds the watchdog for as long as the server serves: if this doesn't run, no other task does.
#[embassy_executor::task]
async fn guard(server: &'static Server<SLOTS>, mut watchdog: Watchdog) {
    Liveness::guard(server, Duration::from_millis(WATCHDOG_LOOK_MS), || watchdog.feed()).await
}

/// Samples what the board measures itself, and what is wired, and keeps the rules.
#[embassy_executor::task]
async fn measure(app: &'static App<'static>, parts: &'static SimulatedBoard) {
    join3(board_platform::measure(app, board::sample), parts::run(parts, app), app.keep_rules()).await;
}

/// Does what FIRMWARE asks for, stores settings, counts a boot that has not failed, and restarts the machine when a client
/// asks for it.
#[embassy_executor::task]
async fn keep(storing: &'static StoreTask, store: Store, app: &'static App<'static>, slots: Option<Slots>) {
    let updating = async {
        match slots {
            Some(slots) => app.update(slots, Some(&store)).await,
            None => pending().await,
        }
    };
    let restarting = async {
        app.restart_requested().await;
        boot_count::succeed(&BOOT_COUNT);
        retained::restart(Cause::Software)
    };
    join4(storing.run(&store), boot_count::stay_up(&BOOT_COUNT), restarting, updating).await;
}
