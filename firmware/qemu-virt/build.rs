//! Puts `memory.x` where the linker finds it, and takes the number of slots from the environment. No `memory.x` may be in
//! the folder in which cargo runs the linker, which looks there first: each program has its own.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("memory.x"), include_bytes!("src/memory.x")).expect("OUT_DIR is writable");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=src/memory.x");

    let slots = env::var("SOCKEYE_SLOTS").unwrap_or_else(|_| "8".into());
    let slots: usize = slots.parse().expect("SOCKEYE_SLOTS is a number");
    fs::write(out.join("slots.rs"), format!("{slots}")).expect("OUT_DIR is writable");
    println!("cargo:rerun-if-env-changed=SOCKEYE_SLOTS");
}
