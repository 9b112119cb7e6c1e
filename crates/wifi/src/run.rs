//! The loop that joins the application, time and the radio.

use core::future::pending;

use embassy_futures::select::{Either3, select3};
use embassy_time::{Duration, Timer};

use crate::app::App;
use crate::wifi::radio::Radio;

/// Runs the device's Wi-Fi: the one place that every platform's radio is driven from. Runs beside the connections, on
/// the same executor, and once. Without it the device has no Wi-Fi, and says so.
pub async fn run<R: Radio>(app: &App<'_>, radio: &mut R) -> ! {
    app.wifi(|wifi, env| wifi.start(env));
    loop {
        while let Some(action) = app.next_action() {
            radio.act(action).await;
        }
        let next_ms = app.wifi_next_ms();
        let timer = async {
            match next_ms {
                Some(after_ms) => Timer::after(Duration::from_millis(after_ms)).await,
                None => pending().await,
            }
        };
        match select3(radio.event(), timer, app.wifi_command()).await {
            Either3::First(event) => app.wifi(|wifi, env| wifi.event(event, env)),
            Either3::Second(()) => app.wifi(|wifi, env| wifi.tick(env)),
            // What it wants is among the actions now, or has changed when the timer rings.
            Either3::Third(()) => (),
        }
    }
}
