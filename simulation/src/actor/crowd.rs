//! Strangers, of whom most don't behave.

use std::net::Ipv4Addr;
use std::rc::Rc;

use embassy_time::{Duration, Instant, Timer, with_timeout};

use crate::ether::Place;
use crate::phone::{Buffers, Phone};
use crate::plan::Habit;
use crate::world::World;

/// How long strangers wait for the network to be there, seconds.
const PATIENCE_S: u64 = 60;
/// How long they stay out of reach, seconds.
const AWAY_S: u64 = 45;

/// Strangers come, each with a connection of its own, on one machine.
pub fn come(world: &Rc<World>, place: Place, clients: u8, habit: Habit) {
    let world = world.clone();
    world.clone().spawn(async move {
        let phone = world.phone();
        if !phone.join(place, Instant::now() + Duration::from_secs(PATIENCE_S)).await {
            return;
        }
        let Some(address) = world.address(place) else { return };
        for _ in 0..clients {
            world.spawn(behave(world.clone(), phone.clone(), address, habit));
        }
        if matches!(habit, Habit::Vanishes | Habit::HalfOpens) {
            // In the middle of the handshake, or some time after it.
            let after = if habit == Habit::HalfOpens { Duration::from_micros(700) } else { Duration::from_secs(3) };
            Timer::after(after).await;
            world.trace.note("crowd", "is out of reach");
            phone.vanish(Duration::from_secs(AWAY_S));
        }
    });
}

async fn behave(world: Rc<World>, phone: Phone, address: Ipv4Addr, habit: Habit) {
    let mut buffers = Buffers::default();
    let mut session = match phone.connect(&mut buffers, address).await {
        Ok(session) => session,
        Err(failure) => return world.trace.note("crowd", format_args!("one can't connect: {failure:?}")),
    };
    match habit {
        Habit::Stalls => session.stall().await,
        Habit::HalfOpens => {}
        Habit::Dawdles => {
            let _ = session.send_bytes(b"*2\r\n$3\r\nGET\r\n$4\r\nlm").await;
            session.stall().await;
        }
        Habit::Floods => {
            let flood = async { while session.send_bytes(&b"INFO\r\n".repeat(40)).await.is_ok() {} };
            let _ = with_timeout(Duration::from_secs(120), flood).await;
        }
        Habit::Vanishes => {
            for _ in 0..20 {
                if session.request(&["GET", "lm35"]).await.is_err() {
                    return;
                }
                Timer::after(Duration::from_millis(500)).await;
            }
        }
        Habit::Asks => {
            let _ = session.request(&["INFO"]).await;
            session.close().await;
        }
        Habit::Browses => {
            let _ = session.send_bytes(b"GET / HTTP/1.1\r\nHost: device\r\n\r\n").await;
            session.stall().await;
            session.close().await;
        }
    }
    world.trace.note("crowd", format_args!("one that {habit:?} is done"));
}
