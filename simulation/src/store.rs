//! The production store over simulated flash.

use std::rc::Rc;

use embassy_time::{Duration, Timer};
use sockeye_device::{FlashStore, Settings, Store, StoreError, Stored};

use crate::executor::{Executor, Group};
use crate::flash::{Flash, SECTOR_LEN};
use crate::mutation::Mutation;

/// How long a store that lies takes to do what it has said that it did.
const LIE: Duration = Duration::from_secs(3);

/// The store.
pub struct SimStore {
    flash: Rc<FlashStore<Flash>>,
    mutation: Mutation,
    executor: Executor,
    group: Group,
}

impl SimStore {
    /// A store in all of `flash`.
    pub fn new(flash: &Flash, sectors: usize, mutation: Mutation, (executor, group): (&Executor, Group)) -> Self {
        let range = 0..(sectors * SECTOR_LEN) as u32;
        let store = FlashStore::new(flash.clone(), range).expect("the range is of whole sectors");
        Self { flash: Rc::new(store), mutation, executor: executor.clone(), group }
    }

    /// The stored settings.
    pub async fn load(&self) -> Stored {
        self.flash.load().await
    }
}

impl Store for SimStore {
    async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
        if self.mutation != Mutation::ReplyBeforeCommit {
            return self.flash.save(settings).await;
        }
        let (flash, settings) = (self.flash.clone(), settings.clone());
        self.executor.spawn(self.group, async move {
            Timer::after(LIE).await;
            let _ = flash.save(&settings).await;
        });
        Ok(())
    }

    async fn reset(&self, defaults: &Settings) -> Result<(), StoreError> {
        self.flash.reset(defaults).await
    }
}
