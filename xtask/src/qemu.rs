//! The bare-metal image on this terminal.

use anyhow::Result;
use harness::emulator::{self, GUEST_PORT, Network};
use harness::process::become_it;
use harness::workspace::Workspace;

/// The program to boot.
#[derive(clap::Args)]
pub struct Args {
    /// The program: hello, device or sensor
    bin: String,
    /// The port of this machine that leads to the guest's
    #[arg(long, default_value_t = GUEST_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

/// The job: boots the program on this terminal until Ctrl-C.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    let elf = emulator::build(workspace, &args.bin, None)?;
    println!("the guest's port {GUEST_PORT} is 127.0.0.1:{} here; Ctrl-C ends it", args.port);
    println!("try: {}", first_request(&args.bin, args.port));
    let mut machine = emulator::machine(&elf, &Network::User(args.port));
    // So that what the guest prints names an address that is reached from here.
    emulator::tell(workspace, &mut machine, "qemu", &format!("host.port={}", args.port))?;
    become_it(&mut machine)
}

/// A line that gets an answer of the program. `-N` closes after the line, which ends every `nc`.
fn first_request(bin: &str, port: u16) -> String {
    match bin {
        "device" => format!("redis-cli -p {port} GET lm35"),
        "sensor" => "redis-server --port 6379, and the guest pushes its samples into it".to_owned(),
        _ => format!("echo hello | nc -N 127.0.0.1 {port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_is_asked_what_it_answers() {
        assert_eq!(first_request("device", 3001), "redis-cli -p 3001 GET lm35");
        assert_eq!(first_request("hello", 3000), "echo hello | nc -N 127.0.0.1 3000");
    }
}
