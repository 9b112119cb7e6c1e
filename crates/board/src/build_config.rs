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

/// Length of an Ed25519 public key (RFC 8032).
const KEY_BYTES: usize = 32;

/// The public key of whoever may update the firmware, of 64 hexadecimal digits. None if the build was told none.
///
/// # Panics
/// The text is no such key: then the build ends.
pub const fn update_key(text: Option<&str>) -> Option<[u8; KEY_BYTES]> {
    let Some(text) = text else { return None };
    let digits = text.as_bytes();
    assert!(digits.len() == 2 * KEY_BYTES, "SOCKEYE_UPDATE_KEY takes 64 hexadecimal digits");
    let (mut key, mut at) = ([0; KEY_BYTES], 0);
    while at < digits.len() {
        let digit = match digits[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("SOCKEYE_UPDATE_KEY takes lower-case hexadecimal digits"),
        };
        key[at / 2] = key[at / 2] << 4 | digit;
        at += 1;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use sockeye_boot::Environment;

    use super::*;

    fn check(environment: Environment) -> Settings {
        settings(BuildSettings::parse(environment).unwrap())
    }

    #[test]
    fn a_key_is_read_from_its_digits() {
        assert_eq!(update_key(None), None);
        let key = update_key(Some(&std::format!("{}a9", "0f".repeat(31))));
        assert_eq!(key.map(|key| (key[0], key[30], key[31])), Some((0x0f, 0x0f, 0xa9)));
        for bad in ["", &"0".repeat(63), &"0".repeat(65), &"0".repeat(63).replacen('0', "G", 1)] {
            assert!(std::panic::catch_unwind(|| update_key(Some(bad))).is_err(), "{bad}");
        }
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
