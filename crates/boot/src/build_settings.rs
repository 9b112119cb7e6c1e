//! The settings of a program's build for chips: how the device reaches its network.

/// Bytes of a network's name (IEEE 802.11, 9.4.2.2).
pub const SSID_LEN_MAX: usize = 32;
/// Characters of a WPA2 passphrase (IEEE 802.11, J.4.1).
pub const PASSWORD_LEN_MIN: usize = 8;
/// As above.
pub const PASSWORD_LEN_MAX: usize = 63;

/// The environment of the build: each variable's value where it is set. An empty value is the same as none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment {
    /// `SOCKEYE_SSID`: the network that the device joins; without one it makes its own.
    pub ssid: Option<&'static str>,
    /// `SOCKEYE_PASSWORD`: its WPA2 passphrase; none for an open network.
    pub password: Option<&'static str>,
    /// `SOCKEYE_OPEN`: `1` for an access point without WPA2.
    pub open: Option<&'static str>,
}

/// How a device reaches its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildSettings {
    /// The device is an access point.
    AccessPoint {
        /// Anyone near can join; otherwise WPA2 asks for the device's passphrase.
        open: bool,
    },
    /// The device joins a network.
    Station {
        /// The network's name, 1 to [`SSID_LEN_MAX`] bytes.
        ssid: &'static str,
        /// Its passphrase, [`PASSWORD_LEN_MIN`] to [`PASSWORD_LEN_MAX`] printable ASCII characters; none if the network is
        /// open.
        password: Option<&'static str>,
    },
}

impl BuildSettings {
    /// Reads the settings, in a constant: then settings that can't be meant end the build.
    ///
    /// # Errors
    /// The invalid variable and the reason, for the compiler to print.
    pub const fn parse(environment: Environment) -> Result<Self, &'static str> {
        let (ssid, password) = (given(environment.ssid), given(environment.password));
        let open = match given(environment.open) {
            None => false,
            Some(value) => match value.as_bytes() {
                b"1" => true,
                _ => return Err("SOCKEYE_OPEN is 1 or not set"),
            },
        };
        match ssid {
            None if password.is_some() => Err("SOCKEYE_PASSWORD needs SOCKEYE_SSID, the network to join"),
            None => Ok(Self::AccessPoint { open }),
            Some(_) if open => Err(
                "SOCKEYE_OPEN is for a device that makes its own network, and SOCKEYE_SSID for one that joins another",
            ),
            Some(ssid) if ssid.len() > SSID_LEN_MAX => Err("SOCKEYE_SSID has more than 32 bytes"),
            Some(ssid) if !is_name(ssid) => Err("SOCKEYE_SSID has characters that nobody can type"),
            Some(ssid) => match password {
                Some(password) if !is_password(password) => {
                    Err("SOCKEYE_PASSWORD has 8 to 63 printable ASCII characters, or is empty for an open network")
                }
                password => Ok(Self::Station { ssid, password }),
            },
        }
    }
}

const fn given(value: Option<&'static str>) -> Option<&'static str> {
    match value {
        Some(value) if !value.is_empty() => Some(value),
        _ => None,
    }
}

/// Whether there are no control characters (Unicode's category Cc) in it.
const fn is_name(ssid: &str) -> bool {
    let bytes = ssid.as_bytes();
    let (mut index, mut before) = (0, 0);
    while index < bytes.len() {
        let is_control = bytes[index] < b' ' || bytes[index] == 0x7f || before == 0xc2 && bytes[index] < 0xa0;
        if is_control {
            return false;
        }
        before = bytes[index];
        index += 1;
    }
    true
}

const fn is_password(password: &str) -> bool {
    let bytes = password.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], b' '..=b'~') {
            return false;
        }
        index += 1;
    }
    bytes.len() >= PASSWORD_LEN_MIN && bytes.len() <= PASSWORD_LEN_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Environment = Environment { ssid: None, password: None, open: None };
    const STATION: Environment = Environment { ssid: Some("barn"), ..NONE };

    fn check(environment: Environment, expected: Result<BuildSettings, &str>) {
        match (BuildSettings::parse(environment), expected) {
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (settings, expected) => assert_eq!(settings, expected, "{environment:?}"),
        }
    }

    #[test]
    fn access_point_is_the_default_and_open_only_when_asked() {
        let closed = Ok(BuildSettings::AccessPoint { open: false });
        check(NONE, closed);
        check(Environment { ssid: Some(""), password: Some(""), open: Some("") }, closed);
        check(Environment { open: Some("1"), ..NONE }, Ok(BuildSettings::AccessPoint { open: true }));
        for open in ["0", "yes", "11"] {
            check(Environment { open: Some(open), ..NONE }, Err("SOCKEYE_OPEN is 1"));
        }
    }

    #[test]
    fn station_joins_what_it_is_told() {
        check(STATION, Ok(BuildSettings::Station { ssid: "barn", password: None }));
        check(
            Environment { password: Some(""), ..STATION },
            Ok(BuildSettings::Station { ssid: "barn", password: None }),
        );
        let closed = Ok(BuildSettings::Station { ssid: "barn", password: Some("eight888") });
        check(Environment { password: Some("eight888"), ..STATION }, closed);
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        check(Environment { password: Some("eight888"), ..NONE }, Err("needs SOCKEYE_SSID"));
        check(Environment { open: Some("1"), ..STATION }, Err("SOCKEYE_OPEN is for"));
    }

    #[test]
    fn names_and_passphrases_have_the_standards_lengths() {
        const LONGEST: &str = "0123456789abcdef0123456789abcdef";
        check(
            Environment { ssid: Some(LONGEST), ..STATION },
            Ok(BuildSettings::Station { ssid: LONGEST, password: None }),
        );
        check(Environment { ssid: Some("0123456789abcdef0123456789abcdefg"), ..STATION }, Err("32 bytes"));
        for ssid in ["a\tb", "\u{7f}", "caf\u{85}"] {
            check(Environment { ssid: Some(ssid), ..STATION }, Err("nobody can type"));
        }
        for ssid in ["Caf\u{e9}", "\u{a0}", "\u{c280}"] {
            check(Environment { ssid: Some(ssid), ..STATION }, Ok(BuildSettings::Station { ssid, password: None }));
        }
        const PASSWORD: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde";
        assert_eq!(PASSWORD.len(), PASSWORD_LEN_MAX);
        let password = Some(PASSWORD);
        check(Environment { password, ..STATION }, Ok(BuildSettings::Station { ssid: "barn", password }));
        for password in [
            "seven77",
            "password\n",
            "p\u{e4}sswords",
            concat!("0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"),
        ] {
            check(Environment { password: Some(password), ..STATION }, Err("8 to 63"));
        }
    }
}
