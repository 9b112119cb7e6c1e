//! An image and its signature: `FILE`, and 64 bytes in `FILE.sig`.

use std::ffi::OsString;
use std::fs;
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

/// Where an image's signature is.
pub fn signature_path(image: &Path) -> PathBuf {
    let mut name = OsString::from(image);
    name.push(".sig");
    name.into()
}
