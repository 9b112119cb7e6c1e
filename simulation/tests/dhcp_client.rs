//! embassy-net as it is: a DHCP client that is configured while the link is up already.

use embassy_net::{Config, ConfigV4, DhcpConfig, StackResources};
use embassy_time::{Duration, Instant};
use sockeye_simulation::ether::{Ether, Place};
use sockeye_simulation::executor::{Executor, Group};
use sockeye_simulation::{clock, leak, router};
use sockeye_tcp::{DriverPort, Frames, IsnKey, Options, Resources, SocketBuffers, Tcp};

const ALL: Group = Group(0);
const PLACE: Place = Place::Router(0);
/// How long is waited for an address, milliseconds.
const PATIENCE_MS: u64 = 10_000;

/// After how many milliseconds there is an address; None if there is none after [`PATIENCE_MS`].
fn address_after_ms(wakes: bool) -> Option<u64> {
    clock::reset();
    let (executor, ether) = (Executor::default(), Ether::new(fastrand::Rng::with_seed(1)));
    executor.spawn(ALL, ether.clone().run());
    let router = router::start(&executor, ALL, &ether, (0, true), 2);
    ether.set_place(router, Some(PLACE));

    let (card, driver) = ether.card([2, 0, 0, 0, 0, 1]);
    let options = Options { handshake: Duration::from_secs(5), isn_key: IsnKey::new([3; 16]) };
    let tcp = Tcp::new(leak(SocketBuffers::<1, 64, 64>::new()), leak(Resources::<1>::new()), options);
    let (interface, mut runner, device) = tcp.attach(leak(Frames::<1, 1>::new()), leak(DriverPort::new(driver)));
    let (stack, mut net) = embassy_net::new(device, Config::default(), leak(StackResources::<3>::new()), 4);
    executor.spawn(ALL, async move { runner.run().await });
    executor.spawn(ALL, async move { net.run().await });
    ether.set_place(card, Some(PLACE));
    executor.run_until(Instant::from_secs(1));

    let begun = Instant::now();
    let config = ConfigV4::Dhcp(DhcpConfig::default());
    if wakes {
        interface.configure(stack, config)
    } else {
        stack.set_config_v4(config)
    }
    while begun.elapsed().as_millis() < PATIENCE_MS {
        executor.run_until(Instant::now() + Duration::from_millis(10));
        if stack.config_v4().is_some() {
            return Some(begun.elapsed().as_millis());
        }
    }
    None
}

#[test]
fn who_configures_the_stack_wakes_it() {
    assert!(address_after_ms(true).is_some_and(|ms| ms <= 1_000));
}

/// If this fails, embassy-net wakes its runner by itself, and docs/upstream.md has an item less.
#[test]
fn embassy_net_does_not_wake_itself() {
    assert_eq!(address_after_ms(false), None);
}
