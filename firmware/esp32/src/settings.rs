//! What the build was told through its environment; see [`Environment`]. Settings that can't be meant end the build.

use sockeye_device::wifi::{Network, Secret};
use sockeye_hello::settings::{Environment, Settings};

/// How this device reaches its network.
pub const SETTINGS: Settings = match Settings::parse(Environment {
    ssid: option_env!("SOCKEYE_SSID"),
    password: option_env!("SOCKEYE_PASSWORD"),
    open: option_env!("SOCKEYE_OPEN"),
}) {
    Ok(settings) => settings,
    Err(error) => panic!("{}", error),
};

/// What a device begins with that nobody has configured: what its image was made with.
pub fn defaults() -> sockeye_device::Settings {
    let mut defaults = sockeye_device::Settings::default();
    match SETTINGS {
        Settings::AccessPoint { open } => defaults.ap.is_open = open,
        Settings::Station { ssid, password } => {
            let network = Network::new(ssid.as_bytes()).and_then(|network| {
                let password = Secret::new(password.unwrap_or_default().as_bytes())?;
                Ok(Network { password, ..network })
            });
            // A name that the build takes and the device doesn't is one with control characters.
            if let Ok(network) = network {
                let _ = defaults.networks.push(network);
            }
        }
    }
    defaults
}
