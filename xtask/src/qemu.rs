//! The bare-metal image on this terminal.

use anyhow::Result;
use harness::emulator::{self, GUEST_PORT, Network};
use harness::process::become_it;
use harness::workspace::Workspace;

/// What to boot.
#[derive(clap::Args)]
pub struct Args {
    /// The program: hello
    bin: String,
    /// The port of this machine that leads to the guest's
    #[arg(long, default_value_t = GUEST_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

/// The job: boots the program on this terminal until Ctrl-C.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    let elf = emulator::build(workspace, &args.bin, None)?;
    println!("the guest's port {GUEST_PORT} is 127.0.0.1:{} here; Ctrl-C ends it", args.port);
    println!("try: echo hello | nc 127.0.0.1 {}", args.port);
    become_it(&mut emulator::machine(&elf, &Network::User(args.port)))
}
