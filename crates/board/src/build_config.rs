//! The settings of an image's build, as a device's settings.

use sockeye_boot::BuildSettings;
use sockeye_device::Settings;
use sockeye_wifi::adapter::network_of;

/// The settings of a device that nobody has configured.
pub fn settings(built: BuildSettings) -> Settings {
    let mut settings = Settings::default();
    match built {
        BuildSettings::AccessPoint { open } => settings.ap.is_open = open,
        BuildSettings::Station { ssid, password } => {
            // There is room for one.
            let _ = settings.networks.push(network_of(ssid, password));
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use sockeye_boot::Environment;

    use super::*;

    fn check(environment: Environment) -> Settings {
        settings(BuildSettings::parse(environment).unwrap())
    }

    #[test]
    fn without_a_network_the_device_starts_its_access_point() {
        assert_eq!(check(Environment::default()), Settings::default());
        let open = check(Environment { open: Some("1"), ..Environment::default() });
        assert!(open.ap.is_open && open.networks.is_empty());
    }

    #[test]
    fn the_network_of_the_build_is_the_one_to_join() {
        let settings = check(Environment { ssid: Some("barn"), password: Some("eight888"), open: None });
        assert_eq!(settings.networks[..], [network_of("barn", Some("eight888"))]);
    }
}
