//! The settings of the build, from its environment; see [`Environment`]. Invalid settings end the build.

use sockeye_boot::{BuildSettings, Environment};

/// How this device reaches its network.
pub const SETTINGS: BuildSettings = match BuildSettings::parse(Environment {
    ssid: option_env!("SOCKEYE_SSID"),
    password: option_env!("SOCKEYE_PASSWORD"),
    open: option_env!("SOCKEYE_OPEN"),
}) {
    Ok(settings) => settings,
    Err(error) => panic!("{}", error),
};
