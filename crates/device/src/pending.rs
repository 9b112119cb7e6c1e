//! Settings on their way into the store. The command's request is consumed before the store is called, so the settings
//! can't be read from the request again.

use sockeye_wifi::Network;

use crate::settings::{Settings, Store, StoreError};

/// Which command's change is being stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Change {
    /// CONFIG SET.
    #[default]
    Config,
    /// CONFIG FACTORYRESET.
    Reset,
    /// WIFI CONFIRM.
    Confirm,
    /// WIFI FORGET.
    Forget,
}

impl Change {
    /// The command's name, for errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Config => "CONFIG SET",
            Self::Reset => "CONFIG FACTORYRESET",
            Self::Confirm => "WIFI CONFIRM",
            Self::Forget => "WIFI FORGET",
        }
    }
}

/// A network that CONFIG SET stages, and the first of its parameters that the request names.
pub(crate) struct Staged {
    /// Always there.
    pub(crate) parameter: Option<&'static str>,
    pub(crate) network: Network,
}

/// The change of a command while it is being stored.
pub(crate) struct PendingSettings {
    pub(crate) change: Change,
    pub(crate) settings: Settings,
    /// A network that is staged once the settings are stored, and is not stored itself.
    pub(crate) staged: Option<Staged>,
    /// The request has set what is wired, to the same perhaps.
    pub(crate) is_wiring_named: bool,
}

impl PendingSettings {
    /// Memory for a change: all of it is zero, so that a static of it takes no flash.
    pub(crate) const ZERO: Self = Self {
        change: Change::Config,
        settings: Settings::ZERO,
        // None is not zero.
        staged: Some(Staged { parameter: None, network: Network::ZERO }),
        is_wiring_named: false,
    };

    /// Stores the change.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn store(&mut self, store: &impl Store) -> Result<(), StoreError> {
        self.settings.is_configured = self.change != Change::Reset;
        match self.change {
            Change::Reset => store.reset(&self.settings).await,
            _ => store.save(&self.settings).await,
        }
    }
}
