//! An image and its signature: `FILE`, and 64 bytes in `FILE.sig`.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use sha2::{Digest, Sha256};

use crate::key::OwnerKey;

/// An image that somebody has signed.
pub struct SignedImage {
    /// The image.
    pub bytes: Vec<u8>,
    /// SHA-256 of all of it, which is what is signed.
    pub sha256: [u8; 32],
    /// Ed25519 signature of the digest.
    pub signature: [u8; 64],
}

impl SignedImage {
    /// Signs an image. None with a public key.
    pub fn sign(bytes: Vec<u8>, key: &OwnerKey) -> Option<Self> {
        let sha256 = Sha256::digest(&bytes).into();
        let signature = key.sign(&sha256)?;
        Some(Self { bytes, sha256, signature })
    }

    /// Reads an image, and its signature beside it.
    ///
    /// # Errors
    /// One of the files can't be read, or the signature has another length.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        let beside = signature_path(path);
        let signature = fs::read(&beside).with_context(|| {
            let sign = "`cargo xtask image` signs what it makes, docs/update.md has how to sign elsewhere";
            format!("there is no signature {}: {sign}", beside.display())
        })?;
        let signature = signature.try_into().map_err(|_| anyhow!("{} has not 64 bytes", beside.display()))?;
        Ok(Self { sha256: Sha256::digest(&bytes).into(), bytes, signature })
    }

    /// Writes the image, and its signature beside it.
    ///
    /// # Errors
    /// One of the files can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, &self.bytes).with_context(|| format!("can't write {}", path.display()))?;
        fs::write(signature_path(path), self.signature).with_context(|| format!("can't write {}.sig", path.display()))
    }
}

/// Writes an image that is not signed. The signature of an image that had this name before is removed.
///
/// # Errors
/// The image can't be written, or the signature can't be removed.
pub fn write_unsigned(path: &Path, image: &[u8]) -> Result<()> {
    fs::write(path, image).with_context(|| format!("can't write {}", path.display()))?;
    let signature = signature_path(path);
    match fs::remove_file(&signature) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove the old {}", signature.display()))
        }
        _ => Ok(()),
    }
}

/// Where an image's signature is.
pub fn signature_path(image: &Path) -> PathBuf {
    let mut name = OsString::from(image);
    name.push(".sig");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_is_made_anew_without_a_key_has_no_signature() {
        let folder = std::env::temp_dir().join(format!("sockeye-signed-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("new.bin");
        let key = OwnerKey::from_pem(include_str!("../fixtures/openssl-key.pem")).unwrap();
        SignedImage::sign(vec![1; 64], &key).unwrap().write(&path).unwrap();
        assert_eq!(SignedImage::read(&path).unwrap().bytes, [1; 64]);
        for _ in 0..2 {
            write_unsigned(&path, &[2; 64]).unwrap();
            assert!(SignedImage::read(&path).err().unwrap().to_string().contains("there is no signature"));
        }
        fs::write(signature_path(&path), [0; 63]).unwrap();
        assert!(SignedImage::read(&path).err().unwrap().to_string().contains("has not 64 bytes"));
        fs::remove_dir_all(folder).unwrap();
    }
}
