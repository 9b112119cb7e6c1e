//! A file as the flash of the simulated device, with the erase blocks and the words of the chips'.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, ensure};
use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

/// Bytes of an erase block.
pub const BLOCK_SIZE: usize = 4 * 1024;
const WORD_SIZE: usize = 4;
/// The value of an erased byte.
const ERASED: u8 = 0xff;

/// The flash. A write or an erase is on the disk when it returns.
pub struct FileFlash {
    file: File,
    size: usize,
}

impl FileFlash {
    /// The flash of `size` bytes in the file `path`. Where there is no such file, the flash of a new device is made: erased,
    /// but for `bytes` at `address`. A program that is killed meanwhile leaves all of it, or no file of this name.
    ///
    /// # Errors
    /// The file can't be used, or is of another size; then it is left as it is.
    pub fn open(path: &Path, size: usize, (address, bytes): (u32, &[u8])) -> anyhow::Result<Self> {
        if !path.exists() {
            let mut content = vec![ERASED; size];
            content[address as usize..][..bytes.len()].copy_from_slice(bytes);
            Self::make(path, &content).with_context(|| format!("can't write {}", path.display()))?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.with_context(|| format!("can't use {}", path.display()))?;
        let len = file.metadata()?.len();
        ensure!(len == size as u64, "{} is not a device's flash; remove it to start anew", path.display());
        Ok(Self { file, size })
    }

    /// Under another name first, so that a file of that name is whole.
    fn make(path: &Path, content: &[u8]) -> io::Result<()> {
        let new = path.with_extension("new");
        fs::write(&new, content)?;
        File::open(&new)?.sync_all()?;
        fs::rename(&new, path)?;
        // The name is on the disk when its folder is.
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

/// The file can't be read or written.
#[derive(Debug)]
pub struct FlashError(#[expect(dead_code, reason = "for Debug")] io::Error);

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl From<io::Error> for FlashError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl ErrorType for FileFlash {
    type Error = FlashError;
}

impl ReadNorFlash for FileFlash {
    const READ_SIZE: usize = WORD_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        Ok(self.file.read_exact_at(bytes, offset.into())?)
    }

    fn capacity(&self) -> usize {
        self.size
    }
}

impl NorFlash for FileFlash {
    const WRITE_SIZE: usize = WORD_SIZE;
    const ERASE_SIZE: usize = BLOCK_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        for block in (from..to).step_by(BLOCK_SIZE) {
            self.file.write_all_at(&[ERASED; BLOCK_SIZE], block.into())?;
        }
        Ok(self.file.sync_data()?)
    }

    /// Writing only clears bits, as in NOR flash.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let mut written = vec![0; bytes.len()];
        self.file.read_exact_at(&mut written, offset.into())?;
        written.iter_mut().zip(bytes).for_each(|(old, new)| *old &= new);
        self.file.write_all_at(&written, offset.into())?;
        Ok(self.file.sync_data()?)
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;

    #[test]
    fn flash_keeps_what_was_written_and_only_erasing_sets_bits() {
        let folder = std::env::temp_dir().join(format!("sockeye-flash-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("flash.bin");
        const NOTHING: (u32, &[u8]) = (0, &[]);
        let read = |flash: &mut FileFlash, offset| {
            let mut bytes = [0; WORD_SIZE];
            block_on(flash.read(offset, &mut bytes)).unwrap();
            bytes
        };
        // A start that was killed has left this.
        fs::write(path.with_extension("new"), "half").unwrap();
        let mut flash = FileFlash::open(&path, 2 * BLOCK_SIZE, (4_100, &[1, 2, 3, 4])).unwrap();
        assert_eq!(read(&mut flash, 4_100), [1, 2, 3, 4]);
        block_on(flash.write(4096, &[0xf0; 4])).unwrap();
        block_on(flash.write(4096, &[0x3c; 4])).unwrap();
        drop(flash);
        let mut flash = FileFlash::open(&path, 2 * BLOCK_SIZE, NOTHING).unwrap();
        assert_eq!(read(&mut flash, 4096), [0x30; 4]);
        assert_eq!(read(&mut flash, 4092), [ERASED; 4]);
        block_on(flash.erase(4096, 8192)).unwrap();
        assert_eq!(read(&mut flash, 4096), [ERASED; 4]);
        fs::write(&path, "no flash").unwrap();
        assert!(FileFlash::open(&path, 2 * BLOCK_SIZE, NOTHING).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
