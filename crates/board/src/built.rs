//! What an image was made with, as the device and the radio want it.

use core::fmt::Write;

use heapless::String;
use sockeye_boot::BuildSettings as Built;
use sockeye_boot::NetworkName;
use sockeye_device::Settings;
use sockeye_device::limits::DEVICE_NAME_LEN_MAX;
use sockeye_device::wifi::{ApConfig, ApSecurity, Join, Network, Secret};

/// What a device begins with that nobody has configured.
pub fn settings(built: Built) -> Settings {
    let mut settings = Settings::default();
    match built {
        Built::AccessPoint { open } => settings.ap.is_open = open,
        Built::Station { ssid, password } => {
            // There is room for one.
            let _ = settings.networks.push(network(ssid, password));
        }
    }
    settings
}

/// The network of its own that a device makes whose name comes from its MAC address.
pub fn own_network(mac: [u8; 6], open: bool) -> ApConfig {
    let address = Settings::default().ap.address;
    let security = if open { ApSecurity::Open } else { ApSecurity::Own };
    ApConfig { ssid: name(mac), security, address: address.address, prefix_len: address.prefix_len }
}

/// The network that it joins.
pub fn join(mac: [u8; 6], ssid: &str, password: Option<&str>) -> Join {
    Join { network: network(ssid, password), host_name: name(mac) }
}

/// Reading what the image was made with has refused what can't be.
fn network(ssid: &str, password: Option<&str>) -> Network {
    let password = Secret::new(password.unwrap_or_default().as_bytes()).unwrap_or_default();
    Network { password, ..Network::new(ssid.as_bytes()).unwrap_or_default() }
}

fn name(mac: [u8; 6]) -> String<DEVICE_NAME_LEN_MAX, u8> {
    let mut name = String::new();
    // It has 12 characters.
    let _ = write!(name, "{}", NetworkName(mac));
    name
}

#[cfg(test)]
mod tests {
    use sockeye_boot::Environment;
    use sockeye_boot::{AP_ADDRESS, AP_PREFIX_LEN};

    use super::*;

    const MAC: [u8; 6] = [0x02, 0, 0, 0, 0xab, 0xcd];

    fn built(environment: Environment) -> Built {
        Built::parse(environment).unwrap()
    }

    #[test]
    fn without_a_network_the_device_makes_its_own() {
        assert_eq!(settings(built(Environment::default())), Settings::default());
        let open = settings(built(Environment { open: Some("1"), ..Environment::default() }));
        assert!(open.ap.is_open && open.networks.is_empty());
        let own = own_network(MAC, false);
        assert_eq!((own.ssid.as_str(), own.security), ("sockeye-ABCD", ApSecurity::Own));
        assert_eq!((own.address, own.prefix_len), (AP_ADDRESS, AP_PREFIX_LEN));
        assert_eq!(own_network(MAC, true).security, ApSecurity::Open);
    }

    #[test]
    fn a_network_that_it_was_told_is_the_one_that_it_joins() {
        let told = Environment { ssid: Some("barn"), password: Some("eight888"), open: None };
        let settings = settings(built(told));
        let join = join(MAC, "barn", Some("eight888"));
        assert_eq!(settings.networks.first(), Some(&join.network));
        assert_eq!((join.network.ssid.as_str(), join.network.password.as_str()), ("barn", "eight888"));
        assert_eq!(join.host_name, "sockeye-ABCD");
    }
}
