//! The loop between the state machine and the radio.

use core::future::pending;

use embassy_futures::select::{Either3, select3};
use embassy_time::{Duration, Timer};

use crate::radio::{Action, Event, Radio};

/// The owner of the [state machine](crate::Wifi), which has the settings and the clock for its inputs.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait Controller {
    /// There is a radio; see [`Wifi::start`](crate::Wifi::start).
    fn start(&self, restarts_ap: bool);
    /// The radio reports an event; see [`Wifi::event`](crate::Wifi::event).
    fn on_event(&self, event: Event);
    /// The time of [`next_ms`](Self::next_ms) is over; see [`Wifi::tick`](crate::Wifi::tick).
    fn on_timer(&self);
    /// The radio's next action; None if there is none.
    fn next_action(&self) -> Option<Action>;
    /// After how many milliseconds [`on_timer`](Self::on_timer) is due, if nothing happens before; None if never.
    fn next_ms(&self) -> Option<u64>;
    /// Waits until a client's command has changed the state machine.
    async fn changed(&self);
}

/// Runs the device's Wi-Fi: the one place that every platform's radio is driven from. Runs beside the connections, on
/// the same executor, and once. Without it the device has no Wi-Fi, and replies so.
pub async fn run<C: Controller, R: Radio>(controller: &C, radio: &mut R) -> ! {
    controller.start(radio.restarts_ap());
    loop {
        while let Some(action) = controller.next_action() {
            radio.act(action).await;
        }
        let next_ms = controller.next_ms();
        let timer = async {
            match next_ms {
                Some(after_ms) => Timer::after(Duration::from_millis(after_ms)).await,
                None => pending().await,
            }
        };
        match select3(radio.event(), timer, controller.changed()).await {
            Either3::First(event) => controller.on_event(event),
            Either3::Second(()) => controller.on_timer(),
            // The next turn takes the new actions, and the new time.
            Either3::Third(()) => (),
        }
    }
}
