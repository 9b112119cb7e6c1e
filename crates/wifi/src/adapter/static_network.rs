//! A network that was fixed when the program was built: `hello` starts an access point, or joins one network for ever.

use core::fmt::Write;

use embassy_futures::join::join;
use embassy_sync::channel::Channel;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use sockeye_backoff::Backoff;
use sockeye_boot::{BuildSettings, Line, NetworkName};

use crate::adapter::{Adapter, AdapterContext, Events, NetworkStack, RadioDriver};
use crate::credentials::{Network as Joined, Secret};
use crate::limits::{JOIN_TIMEOUT_MS, STATIC_LEAVE_MS};
use crate::radio::{ApConfig, ApSecurity, Event, Join};
use crate::station::join_pause_ms;
use crate::wifi_settings::ApAddress;

/// A network that was fixed: an access point, or one to join. Which of them is in the type, because a future that could
/// be either would put all of the other into the image.
pub struct StaticNetwork<const IS_AP: bool>;

impl StaticNetwork<true> {
    /// Starts the access point as the program was built, and keeps it on the air for ever.
    pub async fn run<D, N, P>(
        driver: D,
        context: AdapterContext<'_, N, P>,
        built: BuildSettings,
        mac: [u8; 6],
        _: impl FnMut() -> u32,
    ) -> !
    where
        D: RadioDriver,
        N: NetworkStack,
        P: Fn(Line<'_>) + Copy,
    {
        let is_open = matches!(built, BuildSettings::AccessPoint { open: true });
        start_ap(driver, context, &access_point(mac, is_open)).await
    }
}

impl StaticNetwork<false> {
    /// Stays joined to the network that the program was built for, for ever. `random` gives any numbers.
    pub async fn run<D, N, P>(
        driver: D,
        context: AdapterContext<'_, N, P>,
        built: BuildSettings,
        mac: [u8; 6],
        random: impl FnMut() -> u32,
    ) -> !
    where
        D: RadioDriver,
        N: NetworkStack,
        P: Fn(Line<'_>) + Copy,
    {
        let (ssid, password) = match built {
            BuildSettings::Station { ssid, password } => (ssid, password),
            // No radio joins a network without a name.
            BuildSettings::AccessPoint { .. } => ("", None),
        };
        stay_joined(driver, context, &join_of(mac, ssid, password), random).await
    }
}

/// Starts the access point, and keeps it on the air for ever.
pub(super) async fn start_ap<D, N, P>(driver: D, context: AdapterContext<'_, N, P>, config: &ApConfig) -> !
where
    D: RadioDriver,
    N: NetworkStack,
    P: Fn(Line<'_>) + Copy,
{
    let events = Channel::new();
    let mut adapter = Adapter::new(driver, context, &events);
    let mut backoff = Backoff::new();
    adapter.set_power_save(false);
    while adapter.start_ap(config) != Event::ApStarted {
        // Without jitter: no other device waits for the same thing.
        Timer::after(Duration::from_millis(join_pause_ms(&mut backoff, 0, 0))).await;
    }
    loop {
        // The number of clients is of no use here.
        adapter.listen(events.receive()).await;
    }
}

/// Joins a network, and joins it again when it is gone, for ever. `random` gives any numbers.
pub(super) async fn stay_joined<D, N, P>(
    driver: D,
    context: AdapterContext<'_, N, P>,
    wanted: &Join,
    mut random: impl FnMut() -> u32,
) -> !
where
    D: RadioDriver,
    N: NetworkStack,
    P: Fn(Line<'_>) + Copy,
{
    let events = Channel::new();
    let (network, console, print_address) = (context.network, context.console, context.print_address());
    let mut adapter = Adapter::new(driver, context, &events);
    let staying = async {
        let mut backoff = Backoff::new();
        adapter.set_power_save(false);
        loop {
            adapter.join(wanted.clone());
            let stay_ms = stay_ms(&mut adapter, &events, Duration::from_millis(JOIN_TIMEOUT_MS)).await;
            let pause = Duration::from_millis(join_pause_ms(&mut backoff, stay_ms, random()));
            console.next_try(pause);
            adapter.listen(Timer::after(pause)).await;
        }
    };
    let following = network.follow(print_address);
    join(staying, following).await.0
}

/// How long the station was in the network, milliseconds; 0 if it could not join within `limit`.
pub(super) async fn stay_ms<D, N, P>(adapter: &mut Adapter<'_, D, N, P>, events: &Events, limit: Duration) -> u64
where
    D: RadioDriver,
    N: NetworkStack,
    P: Fn(Line<'_>) + Copy,
{
    let joining = until(adapter, events, |event| matches!(event, Event::Joined | Event::JoinFailed(_)));
    match with_timeout(limit, joining).await {
        Ok(Event::Joined) => {}
        Ok(_) => return 0,
        Err(_) => {
            adapter.leave();
            // Whether it left or had nothing to leave, the next attempt starts from there.
            let leaving = until(adapter, events, |event| *event == Event::Left);
            let _ = with_timeout(Duration::from_millis(STATIC_LEAVE_MS), leaving).await;
            return 0;
        }
    }
    let since = Instant::now();
    until(adapter, events, |event| *event == Event::Left).await;
    since.elapsed().as_millis()
}

/// The first event of this kind; others are passed over.
async fn until<D, N, P>(adapter: &mut Adapter<'_, D, N, P>, events: &Events, is_it: impl Fn(&Event) -> bool) -> Event
where
    D: RadioDriver,
    N: NetworkStack,
    P: Fn(Line<'_>) + Copy,
{
    loop {
        let event = adapter.listen(events.receive()).await;
        if is_it(&event) {
            return event;
        }
    }
}

/// The access point of a device whose name comes from its MAC address.
pub(super) fn access_point(mac: [u8; 6], is_open: bool) -> ApConfig {
    let ApAddress { address, prefix_len } = ApAddress::default();
    let security = if is_open { ApSecurity::Open } else { ApSecurity::FactoryPassphrase };
    ApConfig { ssid: name(mac), security, address, prefix_len }
}

/// The network that such a device joins.
pub(super) fn join_of(mac: [u8; 6], ssid: &str, password: Option<&str>) -> Join {
    Join { network: network_of(ssid, password), host_name: name(mac) }
}

/// The network that an image was built for. `password` is None for an open network. The build has refused a name and a
/// password that no network has, so that the network is never one without a name.
pub fn network_of(ssid: &str, password: Option<&str>) -> Joined {
    let password = Secret::new(password.unwrap_or_default().as_bytes()).unwrap_or_default();
    Joined { password, ..Joined::new(ssid.as_bytes()).unwrap_or_default() }
}

fn name(mac: [u8; 6]) -> heapless::String<32, u8> {
    let mut name = heapless::String::new();
    // A network's name has 12 characters.
    let _ = write!(name, "{}", NetworkName(mac));
    name
}
