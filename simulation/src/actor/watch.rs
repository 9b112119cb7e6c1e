//! Looks all the time whether the device can be reached, on whichever network.

use std::cell::Cell;
use std::rc::Rc;

use embassy_time::{Duration, Instant, Timer};

use crate::check::OUT_OF_REACH_S_MAX;
use crate::ether::Place;
use crate::phone::{Answer, Phone};
use crate::world::World;

/// Pause between two looks, seconds.
const PAUSE_S: u64 = 5;

/// Looks until all is over.
pub async fn watch(world: Rc<World>) {
    let phone = world.phone();
    let reached = Cell::new(Instant::now());
    loop {
        Timer::after(Duration::from_secs(PAUSE_S)).await;
        if Instant::now() + Duration::from_secs(2 * PAUSE_S) > world.over {
            return;
        }
        for place in world.places() {
            if reaches(&world, &phone, place).await {
                reached.set(Instant::now());
                break;
            }
        }
        let since = reached.get().max(world.disturbed.get());
        let out = Instant::now().saturating_duration_since(since).as_secs();
        world.longest_out_s.set(world.longest_out_s.get().max(out));
        if out > OUT_OF_REACH_S_MAX && world.device.borrow().is_some() {
            world.verdict.fail(format_args!("locked out: nobody could reach the device for {out} s"));
            return;
        }
    }
}

/// Whether the device answers there: that it is busy is an answer.
pub async fn reaches(world: &World, phone: &Phone, place: Place) -> bool {
    phone.attach(place);
    let Some(address) = world.address(place) else { return false };
    match phone.ask(address, &["PING"]).await {
        Ok(Answer::Simple(text) | Answer::Error(text)) => {
            text == "PONG" || text.starts_with("ERR max number of clients") || text.starts_with("NOAUTH")
        }
        _ => false,
    }
}
