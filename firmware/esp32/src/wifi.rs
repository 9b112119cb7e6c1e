//! The chip's radio, as `sockeye_wifi::adapter` wants one.

use core::future::pending;

use esp_hal::peripherals::WIFI;
use esp_radio::wifi::ap::{AccessPointConfig, AccessPointInfo};
use esp_radio::wifi::event::EventInfo;
use esp_radio::wifi::scan::{ScanConfig, ScanResults};
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{
    AuthenticationMethod, AuthenticationMethodConfig, Config, ConnectionError, ControllerConfig, CountryInfo,
    PowerSaveMode, WifiController, WifiError,
};
use sockeye_wifi::adapter::{AccessPoint, Driver, DriverEvent};
use sockeye_wifi::{Network, RadioConfig, ScanResult, Secret, Security};

/// The radio.
pub struct Radio(WifiController<'static>);

impl Radio {
    /// Starts it with nothing on the air yet. Another country holds from the next start on.
    ///
    /// # Errors
    /// The driver's: no memory.
    pub fn start(wifi: WIFI<'static>, config: &RadioConfig) -> Result<Self, WifiError> {
        let country = CountryInfo::from(config.country);
        WifiController::new(wifi, ControllerConfig::default().with_country_info(country)).map(Self)
    }
}

impl Driver for Radio {
    type Error = WifiError;

    fn configure(&mut self, own: Option<&AccessPoint>, joined: Option<&Network>) -> Result<(), WifiError> {
        let station = match joined {
            Some(network) => StationConfig::default()
                .with_ssid(network.ssid.as_str().try_into()?)
                .with_authentication(authentication(&network.password)?),
            None => StationConfig::default(),
        };
        let config = match own {
            Some(own) => {
                let own = AccessPointConfig::default()
                    .with_ssid(own.ssid.as_str().try_into()?)
                    .with_authentication(authentication(&own.passphrase)?);
                Config::AccessPointStation(station, own)
            }
            None => Config::Station(station),
        };
        self.0.set_config(&config)
    }

    fn set_power_save(&mut self, is_on: bool) -> Result<(), WifiError> {
        // A radio that sleeps answers after 100 ms to 1 s, one that doesn't after 2 ms.
        self.0.set_power_saving(if is_on { PowerSaveMode::Minimum } else { PowerSaveMode::None })
    }

    async fn connect(&mut self) -> Result<(), WifiError> {
        match self.0.connect_async().await {
            Err(ConnectionError::WifiError(error)) => Err(error),
            _ => Ok(()),
        }
    }

    async fn disconnect(&mut self) -> Result<(), WifiError> {
        self.0.disconnect_async().await.map(drop)
    }

    async fn scan(&mut self) -> Result<(), WifiError> {
        self.0.scan_async(&ScanConfig::default()).await.map(drop)
    }

    fn heard(&mut self) -> Result<impl Iterator<Item = ScanResult>, WifiError> {
        Ok(ScanResults::new(&mut self.0)?.filter_map(heard))
    }

    fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    fn rssi(&self) -> Option<i8> {
        self.0.rssi().ok().filter(|_| self.0.is_connected()).and_then(|dbm| dbm.try_into().ok())
    }

    async fn listen(&self, mut hear: impl FnMut(DriverEvent) -> bool) {
        let Ok(mut events) = self.0.subscribe() else { return pending().await };
        loop {
            let happening = match events.next_event_pure().await {
                EventInfo::StationConnected { .. } => DriverEvent::Connected,
                EventInfo::StationDisconnected { reason, .. } => DriverEvent::Disconnected(reason),
                EventInfo::AccessPointStationConnected { mac, .. } => DriverEvent::Client(mac, true),
                EventInfo::AccessPointStationDisconnected { mac, .. } => DriverEvent::Client(mac, false),
                EventInfo::ScanDone { .. } => DriverEvent::Scanned,
                _ => continue,
            };
            if hear(happening) {
                return;
            }
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
