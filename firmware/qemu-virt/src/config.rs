//! The machine's configuration at its start: words `KEY=VALUE` in memory that the program doesn't use. QEMU's
//! `-device loader,file=FILE,addr=0x80100000,force-raw=on` puts them there.

use heapless::String;

use crate::mmio::{CONFIG, read_byte};

/// Bytes of the words.
const LEN_MAX: usize = 256;

/// The words.
#[derive(Default)]
pub struct Config(String<LEN_MAX>);

impl Config {
    /// Reads what the machine was told: memory that nothing was put into is zero.
    pub fn read() -> Self {
        let bytes = (0..LEN_MAX).map(|offset| read_byte(CONFIG + offset));
        Self(bytes.take_while(u8::is_ascii).take_while(|byte| *byte != 0).map(char::from).collect())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut words = self.0.split_ascii_whitespace().filter_map(|word| word.split_once('='));
        words.find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}
