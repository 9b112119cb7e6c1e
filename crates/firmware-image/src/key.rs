//! The owner's Ed25519 key (RFC 8032), in PEM files as OpenSSL writes them (RFC 8410).

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use ed25519_compact::{KeyPair, PublicKey, SecretKey, Seed};

/// The lines around a private key (RFC 7468, section 10).
const PRIVATE_BEGINS: &str = "-----BEGIN PRIVATE KEY-----";
const PRIVATE_ENDS: &str = "-----END PRIVATE KEY-----";

/// A key, or its public half.
pub enum OwnerKey {
    /// Signs.
    Private(KeyPair),
    /// Goes into firmware, and signs nothing.
    Public(PublicKey),
}

impl OwnerKey {
    /// Where the user's key is: `sockeye/update-key.pem` in the user's folder for configuration.
    ///
    /// # Errors
    /// The user has no home folder.
    pub fn default_path() -> Result<PathBuf> {
        let config = config_folder(std::env::var_os("XDG_CONFIG_HOME"), std::env::home_dir());
        Ok(config.context("there is no home folder for a key")?.join("sockeye/update-key.pem"))
    }

    /// The key in this file, or a new one if there is no such file; true if it is new.
    ///
    /// # Errors
    /// As of [`open`](Self::open), or the file can't be written.
    pub fn open_or_make(path: &Path) -> Result<(Self, bool)> {
        if path.exists() {
            return Ok((Self::open(path)?, false));
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| anyhow!("the system gives no randomness: {error}"))?;
        let pair = KeyPair::from_seed(Seed::new(seed));
        let write = || -> std::io::Result<()> {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path)?;
            file.write_all(pair.sk.to_pem().as_bytes())?;
            file.sync_all()
        };
        write().with_context(|| format!("can't write the key {}", path.display()))?;
        Ok((Self::Private(pair), true))
    }

    /// The private or the public key in this file.
    ///
    /// # Errors
    /// The file can't be read, has no Ed25519 key in PEM, or has a private one that others may read.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let pem = fs::read_to_string(path).with_context(|| format!("can't read the key {shown}"))?;
        let key = Self::from_pem(&pem).with_context(|| format!("can't use the key {shown}"))?;
        if matches!(key, Self::Private(_)) && is_open_to_others(path)? {
            bail!(
                "others may read the private key {shown}; if none has read it, `chmod 600 {shown}`, or else change the key"
            );
        }
        Ok(key)
    }

    /// The private or the public key in this text.
    ///
    /// # Errors
    /// The text is no Ed25519 key in PEM.
    pub fn from_pem(pem: &str) -> Result<Self> {
        // A file with both halves has the private one.
        let Some((_, private)) = pem.split_once(PRIVATE_BEGINS) else {
            if pem.contains("ENCRYPTED PRIVATE KEY") {
                bail!("it is encrypted: `openssl pkey -in FILE -out NEW` writes it as it is used here");
            }
            return PublicKey::from_pem(pem).map(Self::Public).map_err(|_| anyhow!("it is no Ed25519 key in PEM"));
        };
        let private = private.split_once(PRIVATE_ENDS).map_or(private, |(private, _)| private);
        let secret = SecretKey::from_pem(&format!("{PRIVATE_BEGINS}{private}{PRIVATE_ENDS}\n"));
        let secret = secret.map_err(|_| anyhow!("it is no Ed25519 private key in PEM"))?;
        Ok(Self::Private(KeyPair { pk: secret.public_key(), sk: secret }))
    }

    /// The public half, as it goes into firmware.
    pub fn public(&self) -> [u8; 32] {
        match self {
            Self::Private(pair) => *pair.pk,
            Self::Public(public) => **public,
        }
    }

    /// Signs a digest. None of a public key.
    pub fn sign(&self, digest: &[u8; 32]) -> Option<[u8; 64]> {
        match self {
            Self::Private(pair) => Some(*pair.sk.sign(digest, None)),
            Self::Public(_) => None,
        }
    }
}

/// The user's folder for configuration. A relative path is no such folder (XDG Base Directory Specification). Each
/// folder that a command runs in would have a key of its own.
fn config_folder(config: Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let config = config.map(PathBuf::from).filter(|folder| folder.is_absolute());
    config.or_else(|| home.filter(|folder| folder.is_absolute()).map(|folder| folder.join(".config")))
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(path)?.mode() & 0o077 != 0)
}

/// Where files have no such modes, their folder protects them.
#[cfg(not(unix))]
fn is_open_to_others(_path: &Path) -> Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("sockeye-key-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn the_users_key_is_in_one_folder_wherever_a_command_runs() {
        let cases = [
            (Some("/config"), Some("/users/rita"), Some("/config")),
            (None, Some("/users/rita"), Some("/users/rita/.config")),
            (Some(""), Some("/users/rita"), Some("/users/rita/.config")),
            (Some("config"), Some("/users/rita"), Some("/users/rita/.config")),
            (Some("config"), Some(""), None),
            (None, None, None),
        ];
        for (config, home, folder) in cases {
            let found = config_folder(config.map(OsString::from), home.map(PathBuf::from));
            assert_eq!(found, folder.map(PathBuf::from), "{config:?}, {home:?}");
        }
    }

    #[test]
    fn a_key_is_made_once_and_signs() {
        let folder = folder("made");
        let path = folder.join("deep/key.pem");
        let (key, is_new) = OwnerKey::open_or_make(&path).unwrap();
        assert!(is_new);
        let (again, is_new) = OwnerKey::open_or_make(&path).unwrap();
        assert_eq!((is_new, again.public()), (false, key.public()));
        let signature = again.sign(&[7; 32]).unwrap();
        assert_eq!(key.sign(&[7; 32]), Some(signature));
        fs::remove_dir_all(folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_private_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder("open");
        let path = folder.join("key.pem");
        OwnerKey::open_or_make(&path).unwrap();
        for mode in [0o644, 0o640, 0o604] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(OwnerKey::open(&path).err().unwrap().to_string().contains("others may read"), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(OwnerKey::open(&path).is_ok());
        fs::write(folder.join("none.pem"), "hello").unwrap();
        assert!(OwnerKey::open(&folder.join("none.pem")).is_err());
        // A file with both halves, as `cat` makes it.
        let (private, public) =
            (include_str!("../fixtures/openssl-key.pem"), include_str!("../fixtures/openssl-public.pem"));
        for both in [format!("{private}{public}"), format!("{public}{private}")] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(&path, &both).unwrap();
            assert!(OwnerKey::open(&path).err().unwrap().to_string().contains("others may read"));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
            assert!(OwnerKey::open(&path).unwrap().sign(&[7; 32]).is_some());
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn files_that_are_no_key_are_told() {
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let rsa = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";
        let cases = [
            ("", "no Ed25519 key"),
            ("hello", "no Ed25519 key"),
            (encrypted, "it is encrypted"),
            (rsa, "no Ed25519 private key"),
        ];
        for (pem, said) in cases {
            assert!(OwnerKey::from_pem(pem).err().unwrap().to_string().contains(said), "{said}");
        }
    }

    /// A key that `openssl genpkey -algorithm ed25519` has written, and a signature by `openssl pkeyutl -sign -rawin`.
    #[test]
    fn keys_and_signatures_are_openssls() {
        let key = OwnerKey::from_pem(include_str!("../fixtures/openssl-key.pem")).unwrap();
        let public = OwnerKey::from_pem(include_str!("../fixtures/openssl-public.pem")).unwrap();
        let digest = include_bytes!("../fixtures/digest.bin");
        assert_eq!(key.sign(digest).as_ref(), Some(include_bytes!("../fixtures/openssl-signature.bin")));
        assert_eq!((public.public(), public.sign(digest)), (key.public(), None));
    }
}
