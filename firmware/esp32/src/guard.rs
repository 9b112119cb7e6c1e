//! The guards that keep the device reachable: a watchdog over the server, a button for its owner, and RESTART.

use embassy_time::Duration;
use esp_hal::gpio::{AnyPin, Input, InputConfig, Pull};
use esp_hal::peripherals::RTC_TIMER;
use esp_hal::rtc_cntl::{Rtc, Rwdt, RwdtStage};
use esp_hal::system::software_reset;
use sockeye_board::limits::{WATCHDOG_LOOK_MS, WATCHDOG_MS};
use sockeye_board::{boot_count, button};
use sockeye_boot::Line;
use sockeye_device::{App, Settings, Store as _};
use sockeye_server::{Liveness, Server};

use crate::SLOTS;
use crate::console::{LOG, print_and_keep};
use crate::panic::BOOT_COUNT;
use crate::store::Store;

/// Starts the watchdog, which guards the boot too. To be called right after the chip is initialized.
pub fn arm(timer: RTC_TIMER<'static>) -> Rwdt {
    let mut rwdt = Rtc::new(timer).rwdt;
    rwdt.set_timeout(RwdtStage::Stage0, esp_hal::time::Duration::from_millis(WATCHDOG_MS));
    rwdt.enable();
    rwdt
}

/// Feeds the watchdog for as long as the server serves: if this doesn't run, no other task does.
pub async fn watchdog(mut rwdt: Rwdt, server: &Server<SLOTS>) -> ! {
    Liveness::guard(server, Duration::from_millis(WATCHDOG_LOOK_MS), || rwdt.feed()).await
}

/// Forgets all settings and starts anew when the button is held.
pub async fn button(pin: AnyPin<'static>, store: &Store) -> ! {
    let pin = Input::new(pin, InputConfig::default().with_pull(Pull::Up));
    button::held(|| pin.is_low()).await;
    // The log has the names of networks.
    LOG.clear();
    print_and_keep(Line::Notice(format_args!("the button was held: back to the factory's settings")));
    if let Err(error) = store.reset(&Settings::default()).await {
        print_and_keep(Line::Warning(format_args!("not all could be erased: {error:?}")));
    }
    restart()
}

/// Restarts the chip when a client asks for it.
pub async fn restart_requested(app: &App<'_>) -> ! {
    app.restart_requested().await;
    restart()
}

/// Restarts the chip because somebody means it.
fn restart() -> ! {
    boot_count::succeed(&BOOT_COUNT);
    software_reset()
}
