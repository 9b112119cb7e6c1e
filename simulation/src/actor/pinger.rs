//! A good client, on a connection that it keeps: others must not make it wait.

use std::rc::Rc;

use embassy_time::{Duration, Instant, Timer};

use crate::check::ANSWER_MS_MAX;
use crate::ether::Place;
use crate::phone::{Answer, Buffers, Failure, Phone};
use crate::world::World;

/// Asks every second until the plan is over.
pub async fn ping(world: Rc<World>) {
    let phone = world.phone();
    while Instant::now() < world.calm {
        Timer::after(Duration::from_secs(2)).await;
        if let Some(place) = world.places().last().copied() {
            stay(&world, &phone, place).await;
        }
    }
    phone.leave();
}

/// Stays connected for as long as it works.
async fn stay(world: &World, phone: &Phone, place: Place) {
    phone.attach(place);
    let Some(address) = world.address(place) else { return };
    let mut buffers = Buffers::default();
    let Ok(mut session) = phone.connect(&mut buffers, address).await else { return };
    let mut is_served = false;
    while Instant::now() < world.calm {
        let start = Instant::now();
        let answer = session.request(&["PING"]).await;
        let is_calm = world.is_calm_since(start) && world.address(place) == Some(address);
        match answer {
            Ok(Answer::Simple(_)) | Err(Failure::Silence) => {}
            _ if is_served && is_calm => {
                return world.verdict.fail(format_args!("a good client was thrown out: {answer:?}"));
            }
            _ => return,
        }
        let ms = start.elapsed().as_millis();
        if is_served && is_calm && ms > ANSWER_MS_MAX {
            world.verdict.fail(format_args!("a good client waited {ms} ms for {answer:?}"));
        }
        if answer.is_err() {
            return;
        }
        // Only the first may have to wait for a slot.
        is_served = true;
        Timer::after(Duration::from_secs(1)).await;
    }
    session.close().await;
}
