//! The Wi-Fi controller.

use core::sync::atomic::{AtomicI8, Ordering};

use esp_hal::peripherals::WIFI;
use esp_radio::wifi::{
    AuthenticationMethodConfig, Config, ControllerConfig, CountryInfo, PowerSaveMode, WifiController, WifiError,
};
use sockeye_device::wifi::RadioConfig;

/// Signal strength as it was measured last, dBm; 0 outside of a network.
static RSSI: AtomicI8 = AtomicI8::new(0);

/// Signal strength of the network that the station has joined, dBm.
pub(crate) fn rssi() -> Option<i8> {
    Some(RSSI.load(Ordering::Relaxed)).filter(|&dbm| dbm < 0)
}

/// Measures the signal strength. Outside of a network there is none.
pub(crate) fn measure_rssi(controller: &WifiController<'_>) {
    let dbm = controller.rssi().ok().filter(|_| controller.is_connected());
    let dbm = dbm.and_then(|dbm| i8::try_from(dbm).ok()).unwrap_or(0);
    RSSI.store(dbm, Ordering::Relaxed);
}

/// Starts the radio with nothing on the air yet, as it is configured. Another country holds from the next start on.
///
/// # Errors
/// The radio's: no memory.
pub fn start_as(wifi: WIFI<'static>, config: &RadioConfig) -> Result<WifiController<'static>, WifiError> {
    WifiController::new(wifi, ControllerConfig::default().with_country_info(CountryInfo::from(config.country)))
}

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
