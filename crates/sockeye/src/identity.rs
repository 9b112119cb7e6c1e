//! The identity of a simulated device: a MAC address, and the passphrase of its access point.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use sockeye_boot::Passphrase;

/// File in the state folder: 12 hexadecimal digits of the MAC address, a space, the passphrase.
const FILE: &str = "identity";

/// A device's identity.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// MAC address of the device's network.
    pub mac: [u8; 6],
    /// WPA2 passphrase of the device's network.
    pub passphrase: Passphrase,
}

impl Identity {
    fn new() -> Self {
        let (mut mac, mut random) = ([0; 6], fastrand::Rng::new());
        random.fill(&mut mac);
        // Locally administered, unicast (IEEE 802, 8.4).
        mac[0] = mac[0] & 0xfc | 0x02;
        Self { mac, passphrase: Passphrase::from_random(&std::array::from_fn(|_| random.u32(..))) }
    }

    /// The identity in the folder `state`, made there at the first run; without a folder, a new one each time.
    ///
    /// # Errors
    /// The folder can't be used, or its file is not an identity: then it is left as it is.
    pub fn load(state: Option<&Path>) -> anyhow::Result<Self> {
        let Some(state) = state else { return Ok(Self::new()) };
        fs::create_dir_all(state).with_context(|| format!("can't use --state {}", state.display()))?;
        let path = state.join(FILE);
        if path.exists() {
            let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
            return match Self::parse(text.trim_end()) {
                Some(identity) => Ok(identity),
                None => bail!("{} is not a device's identity; remove it to get a new one", path.display()),
            };
        }
        let identity = Self::new();
        fs::write(&path, identity.to_line()).with_context(|| format!("can't write {}", path.display()))?;
        Ok(identity)
    }

    fn to_line(&self) -> String {
        let mut line = String::new();
        for byte in self.mac {
            let _ = write!(line, "{byte:02x}");
        }
        let _ = writeln!(line, " {}", self.passphrase.as_str());
        line
    }

    fn parse(line: &str) -> Option<Self> {
        let (digits, passphrase) = line.split_once(' ')?;
        let mut mac = [0; 6];
        if digits.len() != 12 || !digits.is_ascii() {
            return None;
        }
        for (byte, digits) in mac.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self { mac, passphrase: Passphrase::parse(passphrase.as_bytes())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_survives_its_file() {
        let identity = Identity::new();
        assert_eq!(Identity::parse(identity.to_line().trim_end()), Some(identity));
    }

    #[test]
    fn damaged_identity_is_told() {
        for line in ["", "0242", "zz4200000001 abcdefghjkmn", "024200000001 abcdefgh", "02420000000é abcdefghjkmn"] {
            assert_eq!(Identity::parse(line), None, "{line:?}");
        }
    }
}
