//! The chip's radio: the driver that `sockeye_wifi::adapter` calls.

use core::mem::transmute;

use esp_hal::peripherals::WIFI;
use esp_radio::wifi::ap::{AccessPointConfig, AccessPointInfo};
use esp_radio::wifi::event::{EventInfo, EventSubscriber};
use esp_radio::wifi::scan::{ScanConfig, ScanResults};
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{
    AuthenticationMethod, AuthenticationMethodConfig, Config, ConnectionError, ControllerConfig, CountryInfo,
    PowerSaveMode, WifiController, WifiError,
};
use sockeye_wifi::adapter::{AccessPoint, DriverEvent, RadioDriver};
use sockeye_wifi::limits::{BLOCK_ACK_WINDOW, RX_QUEUE_LEN};
use sockeye_wifi::{Network, RadioConfig, ScanResult, Secret, Security};

/// The radio, and its events from the start on.
pub struct Radio {
    controller: WifiController<'static>,
    events: EventSubscriber<'static>,
}

impl Radio {
    /// Starts it with nothing on the air yet. Another country holds from the next start on.
    ///
    /// # Errors
    /// The driver's: no memory.
    pub fn start(wifi: WIFI<'static>, config: &RadioConfig) -> Result<Self, WifiError> {
        let frames = ControllerConfig::default().with_rx_queue_size(RX_QUEUE_LEN).with_rx_ba_win(BLOCK_ACK_WINDOW);
        let country = CountryInfo::from(config.country);
        let controller = WifiController::new(wifi, frames.with_country_info(country))?;
        // SAFETY: a subscriber borrows the driver's channel, which is a static. Its lifetime is that of the controller's
        // borrow only to keep it from being used without a radio, and this radio is never switched off.
        #[expect(unsafe_code, reason = "a subscription for each wait misses what happens during a call")]
        let events = unsafe { transmute::<EventSubscriber<'_>, EventSubscriber<'static>>(controller.subscribe()?) };
        Ok(Self { controller, events })
    }
}

impl RadioDriver for Radio {
    type Error = WifiError;

    fn configure(&mut self, ap: Option<&AccessPoint>, station: Option<&Network>) -> Result<(), WifiError> {
        let station = match station {
            Some(network) => StationConfig::default()
                .with_ssid(network.ssid.as_str().try_into()?)
                .with_authentication(authentication(&network.password)?),
            None => StationConfig::default(),
        };
        let config = match ap {
            Some(ap) => {
                let ap = AccessPointConfig::default()
                    .with_ssid(ap.ssid.as_str().try_into()?)
                    .with_authentication(authentication(&ap.passphrase)?);
                Config::AccessPointStation(station, ap)
            }
            None => Config::Station(station),
        };
        self.controller.set_config(&config)
    }

    fn set_power_save(&mut self, is_on: bool) -> Result<(), WifiError> {
        // A radio that sleeps answers after 100 ms to 1 s, one that doesn't after 2 ms.
        self.controller.set_power_saving(if is_on { PowerSaveMode::Minimum } else { PowerSaveMode::None })
    }

    async fn connect(&mut self) -> Result<(), WifiError> {
        match self.controller.connect_async().await {
            Err(ConnectionError::WifiError(error)) => Err(error),
            _ => Ok(()),
        }
    }

    async fn disconnect(&mut self) -> Result<(), WifiError> {
        self.controller.disconnect_async().await.map(drop)
    }

    async fn scan(&mut self) -> Result<(), WifiError> {
        self.controller.scan_async(&ScanConfig::default()).await.map(drop)
    }

    fn scan_results(&mut self) -> Result<impl Iterator<Item = ScanResult>, WifiError> {
        Ok(ScanResults::new(&mut self.controller)?.filter_map(heard))
    }

    fn is_connected(&self) -> bool {
        self.controller.is_connected()
    }

    fn rssi_dbm(&self) -> Option<i8> {
        self.controller.rssi().ok()?.try_into().ok()
    }

    async fn next_event(&mut self) -> DriverEvent {
        loop {
            return match self.events.next_event_pure().await {
                EventInfo::StationConnected { .. } => DriverEvent::Connected,
                EventInfo::StationDisconnected { reason, .. } => DriverEvent::Disconnected(reason),
                EventInfo::AccessPointStationConnected { mac, .. } => DriverEvent::Client(mac, true),
                EventInfo::AccessPointStationDisconnected { mac, .. } => DriverEvent::Client(mac, false),
                EventInfo::ScanDone { .. } => DriverEvent::Scanned,
                _ => continue,
            };
        }
    }
}

/// WPA2 with a passphrase, and an open network without one.
fn authentication(passphrase: &Secret) -> Result<AuthenticationMethodConfig, WifiError> {
    match passphrase.as_str() {
        "" => Ok(AuthenticationMethodConfig::Open),
        passphrase => Ok(AuthenticationMethodConfig::Wpa2Personal(passphrase.try_into()?)),
    }
}

/// A network that the scan heard; none without a name that people can type.
fn heard(info: AccessPointInfo) -> Option<ScanResult> {
    use AuthenticationMethod::{None as Open, Wpa2Personal, Wpa2Wpa3Personal, Wpa3Personal, WpaWpa2Personal};
    let security = match info.auth_method {
        None | Some(Open) => Security::Open,
        Some(Wpa2Personal | WpaWpa2Personal | Wpa3Personal | Wpa2Wpa3Personal) => Security::Password,
        Some(_) => Security::Other,
    };
    let ssid = Network::new(info.ssid.as_str().as_bytes()).ok()?.ssid;
    Some(ScanResult { ssid, rssi_dbm: info.signal_strength, security })
}
