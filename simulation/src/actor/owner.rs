//! The owner: wants things of the device, one after the other, and knows what it was told.

use std::rc::Rc;

use embassy_time::{Duration, Instant, with_timeout};

use crate::air::Place;
use crate::phone::{Answer, Failure, Phone};
use crate::plan::Step;
use crate::queue::Queue;
use crate::world::World;

/// How long the owner waits for a network to be there, seconds.
const PATIENCE_S: u64 = 60;

/// Does what the plan has the owner wish for, until it is over.
pub async fn own(world: Rc<World>, wishes: Rc<Queue<Step>>) {
    let phone = world.phone();
    let owner = Owner { world: world.clone(), phone };
    while let Ok(wish) = with_timeout(world.calm.saturating_duration_since(Instant::now()), wishes.pop()).await {
        if let Step::Rename(name) = wish {
            owner.rename(name).await
        }
        owner.phone.leave();
    }
}

struct Owner {
    world: Rc<World>,
    phone: Phone,
}

impl Owner {
    /// Joins the device's own network, or else the one that it is in.
    async fn approach(&self) -> Option<Place> {
        let end = Instant::now() + Duration::from_secs(PATIENCE_S);
        let place = *self.world.places().first()?;
        self.phone.join(place, end).await.then_some(place)
    }

    async fn rename(&self, name: String) {
        let Some(place) = self.approach().await else { return };
        let Some(address) = self.world.address(place) else { return };
        let known = &self.world.owned.name;
        known.borrow_mut().asked(name.clone());
        let answer = self.phone.ask(address, &["CONFIG", "SET", "device.name", &name]).await;
        self.note(&answer);
        match answer {
            Ok(answer) if answer.is_ok() => known.borrow_mut().acknowledged(name),
            Ok(Answer::Error(_)) => known.borrow_mut().refused(&name),
            _ => {}
        }
    }

    fn note(&self, answer: &Result<Answer, Failure>) {
        match answer {
            Ok(answer) => self.world.trace.note("owner", format_args!("is told {answer}")),
            Err(failure) => self.world.trace.note("owner", format_args!("is told nothing: {failure:?}")),
        }
    }
}
