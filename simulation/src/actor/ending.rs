//! Looks in the end whether the device is as good as new: every slot is free, and every slot serves.

use std::cell::Cell;
use std::rc::Rc;

use embassy_time::{Duration, Timer};

use crate::check::SLOTS_FREE_S;
use crate::device::SLOTS;
use crate::phone::{Answer, Buffers, Failure, Phone};
use crate::world::World;

/// How long a station takes to be back in its network after a change of the radio's mode, seconds.
const SETTLING_S: u64 = 20;

/// Looks once, when all is over.
pub async fn look(world: Rc<World>) {
    Timer::at(world.over).await;
    let mut checked = check(&world).await;
    // The access point may stop just then, which takes the station out of its network for some seconds.
    let settled = world.parts.air.changed() + Duration::from_secs(SETTLING_S);
    if checked.is_err() && settled >= world.over {
        Timer::after(Duration::from_secs(SETTLING_S)).await;
        checked = check(&world).await;
    }
    if let Err(what) = checked {
        world.verdict.fail(what);
    }
}

async fn check(world: &Rc<World>) -> Result<(), String> {
    let mut busy = busy_slots(world)?;
    for _ in 0..SLOTS_FREE_S {
        if busy == 0 {
            break;
        }
        Timer::after(Duration::from_secs(1)).await;
        busy = busy_slots(world)?;
    }
    if busy > 0 {
        return Err(format!("{busy} slots are lost"));
    }
    // The access point may stop meanwhile, once it has joined another.
    let places = world.places().into_iter().rev();
    let found = places.filter_map(|place| Some((place, world.address(place)?))).next();
    let (place, address) = found.ok_or("the device is nowhere in the end")?;
    let phone = world.phone();
    phone.attach(place);
    let served = Rc::new(Cell::new(0));
    for _ in 0..SLOTS {
        let (phone, served, trace) = (phone.clone(), served.clone(), world.trace.clone());
        world.spawn(async move {
            let mut buffers = Buffers::default();
            let mut session = match phone.connect(&mut buffers, address).await {
                Ok(session) => session,
                Err(failure) => return trace.note("ending", format_args!("can't connect: {failure:?}")),
            };
            match session.request(&["PING"]).await {
                Ok(Answer::Simple(_)) => served.set(served.get() + 1),
                answer => trace.note("ending", format_args!("is told {answer:?}")),
            }
            // All at once, so that each has a slot of its own.
            Timer::after(Duration::from_secs(20)).await;
            session.close().await;
        });
    }
    Timer::after(Duration::from_secs(10)).await;
    if served.get() != SLOTS {
        return Err(format!("{} of {SLOTS} clients are served in the end", served.get()));
    }
    match one_too_many(&phone, address).await {
        Ok(Answer::Error(text)) if text.starts_with("ERR max number of clients") => {}
        answer => return Err(format!("one client too many is told {answer:?}")),
    }
    wired(world, &phone, address).await?;
    Timer::after(Duration::from_secs(15)).await;
    match busy_slots(world)? {
        0 => Ok(()),
        busy => Err(format!("{busy} slots are lost in the end")),
    }
}

/// All parts work by now, so what is wired has values again.
async fn wired(world: &World, phone: &Phone, address: std::net::Ipv4Addr) -> Result<(), String> {
    // The clients from before are still there.
    Timer::after(Duration::from_secs(15)).await;
    let status = phone.ask(address, &["WIRING", "STATUS"]).await;
    // With a token it isn't told; without an answer there was none to be had.
    let Ok(Answer::List(_)) = &status else { return Ok(()) };
    let text = format!("{status:?}");
    let faults = ["no answer", "wrong checksum", "short", "hangs", "not ready", "another device", "calibration"];
    if let Some(fault) = faults.iter().find(|fault| text.contains(**fault)) {
        return Err(format!("a part works, and what is wired says '{fault}': {text}"));
    }
    if text.contains("set aside") {
        return Err(format!("the wiring is set aside: {text}"));
    }
    world.trace.note("ending", "wired things have values");
    Ok(())
}

async fn one_too_many(phone: &Phone, address: std::net::Ipv4Addr) -> Result<Answer, Failure> {
    let mut buffers = Buffers::default();
    let mut session = phone.connect(&mut buffers, address).await?;
    session.answer(Duration::from_secs(5)).await
}

fn busy_slots(world: &World) -> Result<usize, String> {
    world.device.borrow().as_ref().map(|device| device.busy_slots()).ok_or("the device is off in the end".to_owned())
}
