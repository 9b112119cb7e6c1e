//! The simulated device's settings: a file that is replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use serde::{Deserialize, Serialize};
use sockeye_device::{Settings, Store, StoreError, TokenHash};

const FILE: &str = "settings.toml";

/// The settings as the file has them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    name: String,
    token: Option<StoredToken>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredToken {
    salt: String,
    digest: String,
}

/// Keeps settings in a folder, or nowhere.
pub struct FileStore {
    folder: Option<PathBuf>,
}

impl FileStore {
    /// A store in `folder`, which exists; without one nothing can be configured.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The settings that were stored last.
    ///
    /// # Errors
    /// There is a file, and it can't be read or is damaged. It is left as it is.
    pub fn load(&self) -> anyhow::Result<Settings> {
        let Some(folder) = &self.folder else { return Ok(Settings::default()) };
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settings::default()),
            Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
        };
        parse(&text).with_context(|| format!("{} is damaged; remove it to start anew", path.display()))
    }

    /// Writes a new file beside the old one, and puts it in its place when it is on the disk.
    fn replace(folder: &PathBuf, text: &str) -> io::Result<()> {
        let (new, path) = (folder.join(format!("{FILE}.new")), folder.join(FILE));
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        // The name is on the disk when its folder is.
        File::open(folder)?.sync_all()
    }
}

impl Store for FileStore {
    async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
        let folder = self.folder.as_ref().ok_or(StoreError::Volatile)?;
        let token = settings.token.as_ref();
        let stored = Stored {
            name: settings.name.as_str().to_owned(),
            token: token.map(|token| StoredToken { salt: hex::encode(token.salt), digest: hex::encode(token.digest) }),
        };
        let text = toml::to_string(&stored).map_err(|_| StoreError::Failed)?;
        Self::replace(folder, &text).map_err(|_| StoreError::Failed)
    }
}

fn parse(text: &str) -> anyhow::Result<Settings> {
    let stored: Stored = toml::from_str(text)?;
    let name = stored.name.as_str().try_into().map_err(|_| anyhow!("the name is too long"))?;
    let token = match stored.token {
        None => None,
        Some(StoredToken { salt, digest }) => {
            let mut token = TokenHash { salt: Default::default(), digest: Default::default() };
            hex::decode_to_slice(salt, &mut token.salt)?;
            hex::decode_to_slice(digest, &mut token.digest)?;
            Some(token)
        }
    };
    Ok(Settings { name, token })
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;

    #[test]
    fn settings_come_back_as_they_were_stored() {
        let folder = std::env::temp_dir().join(format!("sockeye-store-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let store = FileStore::new(Some(folder.clone()));
        assert_eq!(store.load().unwrap(), Settings::default());
        let settings = Settings { name: "kitchen".try_into().unwrap(), token: Some(TokenHash::new(b"secret", [7; _])) };
        block_on(store.save(&settings)).unwrap();
        assert_eq!(store.load().unwrap(), settings);
        fs::write(folder.join(FILE), "name = 'x'\ntoken = 1").unwrap();
        assert!(store.load().is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn without_a_folder_nothing_is_said_to_be_stored() {
        let store = FileStore::new(None);
        assert_eq!(block_on(store.save(&Settings::default())), Err(StoreError::Volatile));
    }
}
