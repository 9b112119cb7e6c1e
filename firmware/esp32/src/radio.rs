//! The Wi-Fi controller.

use esp_hal::peripherals::WIFI;
use esp_radio::wifi::{AuthenticationMethodConfig, Config, ControllerConfig, PowerSaveMode, WifiController, WifiError};

/// Starts the radio.
///
/// # Errors
/// The radio's: no memory, or a configuration that it doesn't take.
pub(crate) fn start(wifi: WIFI<'static>, config: Config) -> Result<WifiController<'static>, WifiError> {
    let config = ControllerConfig::default().with_initial_config(config);
    let mut controller = WifiController::new(wifi, config)?;
    // A radio that sleeps answers after 100 ms to 1 s, one that doesn't after 2 ms.
    controller.set_power_saving(PowerSaveMode::None)?;
    Ok(controller)
}

/// WPA2 with a passphrase, and an open network without one.
///
/// # Errors
/// The passphrase is longer than 64 bytes.
pub(crate) fn authentication(passphrase: Option<&str>) -> Result<AuthenticationMethodConfig, WifiError> {
    match passphrase {
        Some(passphrase) => Ok(AuthenticationMethodConfig::Wpa2Personal(passphrase.try_into()?)),
        None => Ok(AuthenticationMethodConfig::Open),
    }
}
