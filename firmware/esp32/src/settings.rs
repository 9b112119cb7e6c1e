//! What the build was told through its environment; see [`Environment`]. Settings that can't be meant end the build.

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
