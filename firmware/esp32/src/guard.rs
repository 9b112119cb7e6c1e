//! What keeps the device reachable: a watchdog over the server, and a button for its owner.

use embassy_time::{Duration, Ticker};
use esp_hal::gpio::{AnyPin, Input, InputConfig, Pull};
use esp_hal::peripherals::RTC_TIMER;
use esp_hal::rtc_cntl::{Rtc, RwdtStage};
use esp_hal::system::software_reset;
use sockeye_board::button::Button;
use sockeye_board::limits::BUTTON_POLL_MS;
use sockeye_device::{Settings, Store as _};
use sockeye_server::{Pulse, Server};

use crate::SLOTS;
use crate::console::print;
use crate::store::Store;

/// The chip starts anew when it was not fed for so long, milliseconds.
const WATCHDOG_MS: u64 = 10_000;
/// How often the server is looked at, milliseconds.
const LOOK_MS: u64 = 1_000;

/// Feeds the watchdog for as long as the server serves: if this task doesn't run, no other does.
#[embassy_executor::task]
pub async fn watchdog(timer: RTC_TIMER<'static>, server: &'static Server<SLOTS>) {
    let mut rwdt = Rtc::new(timer).rwdt;
    rwdt.set_timeout(RwdtStage::Stage0, esp_hal::time::Duration::from_millis(WATCHDOG_MS));
    rwdt.enable();
    let mut pulse = Pulse::new();
    let mut ticker = Ticker::every(Duration::from_millis(LOOK_MS));
    loop {
        if pulse.is_there(server) {
            rwdt.feed();
        }
        ticker.next().await;
    }
}

/// Forgets all settings and starts anew when the button is held.
#[embassy_executor::task]
pub async fn button(pin: AnyPin<'static>, store: &'static Store, defaults: &'static Settings) {
    let pin = Input::new(pin, InputConfig::default().with_pull(Pull::Up));
    let mut button = Button::new();
    let mut ticker = Ticker::every(Duration::from_millis(BUTTON_POLL_MS));
    while !button.look(pin.is_low()) {
        ticker.next().await;
    }
    print(format_args!("the button was held: back to the factory's settings"));
    if let Err(error) = store.reset(defaults).await {
        print(format_args!("warning: not all could be erased: {error:?}"));
    }
    software_reset()
}
