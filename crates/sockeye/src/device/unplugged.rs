//! Which parts of the simulated board are pulled out: a person says so in a file.

use std::fs;
use std::path::{Path, PathBuf};

use sockeye_parts::SimulatedBoard;

/// The file, in the device's folder, with the names of parts that are pulled out.
const FILE: &str = "unplugged";

/// The file; of a device without a folder, none.
pub struct Unplugged(Option<PathBuf>);

impl Unplugged {
    pub fn new(folder: Option<&Path>) -> Self {
        Self(folder.map(|folder| folder.join(FILE)))
    }

    /// Pulls out the parts that the file names, and plugs in all others.
    pub fn apply(&self, board: &SimulatedBoard) {
        let names = self.0.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        board.unplug(|name| names.split_whitespace().any(|unplugged| unplugged == name));
    }
}
