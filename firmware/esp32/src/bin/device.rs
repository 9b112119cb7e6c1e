//! The device on ESP32 chips, in the mode that the build was told: see `settings.rs`.
#![no_std]
#![no_main]

use core::fmt::Arguments;
use core::net::SocketAddr;

use edge_nal::TcpBind;
use edge_nal_embassy::{Dns, Tcp, TcpBuffers};
use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_time::{Duration, Ticker};
use esp_hal::clock::CpuClock;
use esp_hal::ram;
use esp_hal::rng::Rng;
use esp_hal::timer::timg::TimerGroup;
use esp_radio::wifi::Interface;
use sockeye_board::limits::PERIOD_MS;
use sockeye_device::limits::REMOTES_MAX;
use sockeye_device::wifi::Event;
use sockeye_device::{App, History, Outbox, Platform, Settings, Side, StoreCondition, StoreTask, Stored};
use sockeye_endpoint::limits::{PUSH_SOCKET_BUFFER_LEN, TIMEOUTS};
use sockeye_endpoint::{Endpoint, PushBuffers, Sides, push};
use sockeye_esp32::console::print;
use sockeye_esp32::entropy::Entropy;
use sockeye_esp32::network::Memory;
use sockeye_esp32::platform::{Board, READINGS, READINGS_LEN, Sensors};
use sockeye_esp32::services::Address;
use sockeye_esp32::store::Store;
use sockeye_esp32::wifi::{self, Channels, Handle, State};
use sockeye_esp32::{CHIP, SLOTS, guard, network, pins, radio, services, settings, store};
use sockeye_hello::boot::{Boot, PAGE_PORT, PORT};
use sockeye_hello::identity::Passphrase;
use sockeye_server::Server;
use sockeye_tcp::Acceptor;
use static_cell::{ConstStaticCell, StaticCell};

/// The radio's heap, bytes: memory that the bootloader leaves, and as much more as an access point needs.
const HEAP_LEFT_LEN: usize = 64 * 1024;
const HEAP_MORE_LEN: usize = 36 * 1024;

type Handler = Endpoint<'static, StoreTask>;

esp_bootloader_esp_idf::esp_app_desc!();

#[esp_hal::main]
async fn main(spawner: Spawner) -> ! {
    static SERVER: ConstStaticCell<Server<SLOTS>> = ConstStaticCell::new(Server::new(TIMEOUTS));
    static BOARD: StaticCell<Board> = StaticCell::new();
    static HISTORIES: ConstStaticCell<[History; READINGS_LEN + REMOTES_MAX]> =
        ConstStaticCell::new([const { History::new() }; READINGS_LEN + REMOTES_MAX]);
    static APP: StaticCell<App<'static>> = StaticCell::new();
    static STORE: StaticCell<Store> = StaticCell::new();
    static STORING: ConstStaticCell<StoreTask> = ConstStaticCell::new(StoreTask::new());
    static OUTBOX: StaticCell<Outbox<'static>> = StaticCell::new();
    static OWN_ADDRESS: StaticCell<Address> = StaticCell::new();
    static JOINED_ADDRESS: StaticCell<Address> = StaticCell::new();
    static MEMORY: [Memory; 2] = [const { Memory::new() }; 2];
    static NETWORKS: StaticCell<Networks> = StaticCell::new();
    static CHANNELS: StaticCell<Channels> = StaticCell::new();
    static DEFAULTS: StaticCell<Settings> = StaticCell::new();
    static ENDPOINT: StaticCell<Handler> = StaticCell::new();

    esp_println::logger::init_logger_from_env();
    let mut chip = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    esp_alloc::heap_allocator!(#[ram(reclaimed)] size: HEAP_LEFT_LEN);
    esp_alloc::heap_allocator!(size: HEAP_MORE_LEN);
    esp_rtos::start(TimerGroup::new(chip.TIMG0).timer0, chip.FROM_CPU_INTR0);

    let console = Boot::new(print as fn(Arguments<'_>), "device", CHIP);
    let entropy = Entropy::draw(chip.RNG, chip.ADC1.reborrow());
    let store: &'static Store = STORE.init(store::open(chip.FLASH));
    let mut stored = match store {
        Some(store) => store.load().await,
        None => Stored { condition: StoreCondition::Volatile, ..Stored::default() },
    };
    if stored.condition != StoreCondition::Sound {
        console.warning(&format_args!("stored settings: {}", stored.condition.name()));
    }
    let defaults: &'static Settings = DEFAULTS.init(settings::defaults());
    if stored.settings == Settings::default() {
        stored.settings = defaults.clone();
    }
    let fresh = Passphrase::from_random(&entropy.passphrase);
    let (passphrase, kept) = store::passphrase(store, &fresh).await;
    if let Err(error) = kept {
        console
            .warning(&format_args!("the passphrase could not be kept and is another one after a restart: {error:?}"));
    }
    let controller = radio::start_as(chip.WIFI, &stored.settings.radio).expect("the radio starts");
    let radios = [Interface::access_point(), Interface::station()].map(|radio| (radio, embassy_net::Config::default()));
    let (tcp, [own, joined]) = network::start(spawner, &MEMORY, radios, &entropy);
    let networks: &'static Networks = NETWORKS.init(Networks { own: own.interface, joined: joined.interface });
    let channels: &'static Channels = CHANNELS.init(Channels::new());
    let [own_address, joined_address]: [&'static Address; 2] =
        [OWN_ADDRESS.init(Address::new()), JOINED_ADDRESS.init(Address::new())];
    let side = wifi::Side { interface: own.interface, stack: own.stack, address: own_address };
    let state = State::new(channels, console, side, joined.stack, passphrase);

    let server: &'static Server<SLOTS> = SERVER.take();
    let pins = pins!(chip);
    spawner.spawn(guard::button(pins.button, store, defaults).expect("one task"));
    let (board, sensors) = Board::new(pins.led, (pins.lm35, chip.ADC1, pins.temperature), own.mac, server);
    if let Some(said) = board.last_panic() {
        console.warning(&format_args!("the device has restarted, because it {said}"));
    }
    if !sensors.is_calibrated() {
        console.warning(&"the chip has no calibration data: lm35 can be wrong by tens of degrees");
    }
    let board: &'static Board = BOARD.init(board);
    let app = App::new(board, HISTORIES.take(), stored).expect("the board describes a device");
    let outbox: &'static Outbox<'static> = OUTBOX.init_with(|| Outbox::new(READINGS));
    let app: &'static App<'static> = APP.init(app.with_outbox(outbox));
    let storing: &'static StoreTask = STORING.take();
    spawner.spawn(keep(storing, store).expect("one task"));
    spawner.spawn(send(outbox, joined.stack).expect("one task"));
    spawner.spawn(services::tell_time(joined.stack, app, board).expect("one task"));
    let endpoint: &'static Handler = ENDPOINT.init(Endpoint::new(app, storing, networks));
    let acceptor = tcp.bind(([0, 0, 0, 0], PORT).into()).await.expect("the first port");
    tcp.bind(([0, 0, 0, 0], PAGE_PORT).into()).await.expect("the second port");
    for slot in 0..=SLOTS {
        spawner.spawn(serve(server, slot, acceptor, endpoint).expect("a task for each slot"));
    }
    spawner.spawn(watch(server).expect("one task"));
    spawner.spawn(guard::watchdog(chip.RTC_TIMER, server).expect("one task"));
    spawner.spawn(measure(app, sensors).expect("one task"));
    spawner.spawn(wifi::drive(controller, state).expect("one task"));
    spawner.spawn(run_wifi(app, Handle::new(channels)).expect("one task"));
    spawner.spawn(services::lend(own.stack, own_address).expect("one task"));
    spawner.spawn(services::lead(own.stack, own_address).expect("one task"));
    spawner.spawn(services::announce(joined.stack, app, joined_address).expect("one task"));
    let announced = joined_address.sender();
    let followed = joined.interface.follow(joined.stack, |address| {
        announced.send(address.map(|address| address.address()));
        match address {
            Some(address) => {
                channels.tell(Event::Address(address.address()));
                console.network_up(address.address());
                console.device_listening(PORT, SLOTS, (address.address(), PORT).into());
            }
            None => {
                channels.tell(Event::AddressLost);
                console.network_down();
            }
        }
    });
    followed.await
}

/// The two networks, by which a client's side is told: addresses may be the same in both.
struct Networks {
    own: sockeye_tcp::Interface,
    joined: sockeye_tcp::Interface,
}

impl Sides for Networks {
    fn side(&self, peer: SocketAddr) -> Side {
        match self.own.has_client(peer) && !self.joined.has_client(peer) {
            true => Side::AccessPoint,
            false => Side::Station,
        }
    }
}

#[embassy_executor::task]
async fn run_wifi(app: &'static App<'static>, mut radio: Handle) {
    sockeye_device::wifi::run(app, &mut radio).await
}

#[embassy_executor::task(pool_size = SLOTS + 1)]
async fn serve(server: &'static Server<SLOTS>, slot: usize, acceptor: Acceptor, endpoint: &'static Handler) {
    server.run_slot(slot, &acceptor, endpoint).await
}

/// Stores for all connections.
#[embassy_executor::task]
async fn keep(storing: &'static StoreTask, store: &'static Store) {
    storing.run(store).await
}

/// Sends samples to a peer in the joined network, if the device was told of one.
#[embassy_executor::task]
async fn send(outbox: &'static Outbox<'static>, stack: Stack<'static>) {
    static SOCKETS: StaticCell<TcpBuffers<1, PUSH_SOCKET_BUFFER_LEN, PUSH_SOCKET_BUFFER_LEN>> = StaticCell::new();
    static BUFFERS: ConstStaticCell<PushBuffers> = ConstStaticCell::new(PushBuffers::sized());
    let tcp = Tcp::new(stack, SOCKETS.init_with(TcpBuffers::new));
    push(outbox, &tcp, &Dns::new(stack), BUFFERS.take(), || Rng::new().random()).await
}

#[embassy_executor::task]
async fn watch(server: &'static Server<SLOTS>) {
    server.watch().await
}

#[embassy_executor::task]
async fn measure(app: &'static App<'static>, mut sensors: Sensors) {
    let mut ticker = Ticker::every(Duration::from_millis(u64::from(PERIOD_MS)));
    loop {
        for (index, value) in sensors.sample().enumerate() {
            match value {
                Some(value) => app.sample(index, value),
                None => app.lose(index),
            }
        }
        ticker.next().await;
    }
}
