//! A program in QEMU whose instructions are counted.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use harness::daemon::Server;
use harness::emulator::{self, GUEST, GUEST_PORT, Network};
use harness::namespace::TAP;
use harness::workspace::Workspace;

/// The input on a guest's console that asks for its figures, and the start of the line with them.
const ASK: &[u8] = b"?";
const ANSWER: &str = "figures: ";
/// The longest to wait for a guest on the network.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a refused client waits before it tries again.
const REFUSED_PAUSE: Duration = Duration::from_millis(5);

/// How often a guest prints its figures, to find the cost of printing them.
const ASKED: usize = 4;

/// A running guest. Under `-icount shift=0` its instruction counter counts instructions. So figures are exact and the
/// same on every machine, but for those that depend on when frames arrive.
pub struct Guest<'a> {
    server: &'a mut Server,
}

/// A guest's figures since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Instructions executed, without waiting for interrupts and without telling figures.
    pub instructions: u64,
    /// The most bytes of stack that were in use at once.
    pub stack: u64,
    /// Its clock, at 10 MHz.
    pub ticks: u64,
}

impl Guest<'_> {
    /// Boots a program in the namespace's tap, runs `measure` and ends it. The console goes to a file named after
    /// `name`.
    pub fn run<R>(
        workspace: &Workspace,
        name: &str,
        elf: &Path,
        measure: impl FnOnce(&mut Guest<'_>) -> Result<R>,
    ) -> Result<R> {
        let mut machine = emulator::machine(elf, &Network::Tap(TAP));
        machine.args(["-icount", "shift=0"]);
        let mut result = None;
        Server::start(workspace, name, machine)?.test(|server| {
            result = Some(measure(&mut Guest { server })?);
            Ok(())
        })?;
        result.context("nothing was measured")
    }

    /// The guest's figures so far.
    pub fn figures(&mut self) -> Result<Figures> {
        parse(&self.server.ask(ASK, ANSWER)?)
    }

    /// Instructions that `work` takes the guest, without those for telling.
    pub fn instructions(&mut self, work: impl FnOnce() -> Result<()>) -> Result<u64> {
        let asked = (0..ASKED).map(|_| Ok(self.figures()?.instructions)).collect::<Result<Vec<_>>>()?;
        work()?;
        let after = self.figures()?.instructions;
        // Nothing but telling happens between the two that are closest.
        let telling = asked.windows(2).map(|pair| between(pair[0], pair[1])).min().unwrap_or_default();
        Ok(between(asked[ASKED - 1], after).saturating_sub(telling))
    }

    /// A connection to the guest. A refused client tries again: embassy-net refuses whom no socket happens to wait for.
    pub fn connect() -> Result<TcpStream> {
        let start = Instant::now();
        let client = loop {
            match TcpStream::connect((GUEST, GUEST_PORT)) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused && start.elapsed() < PATIENCE => {
                    sleep(REFUSED_PAUSE);
                }
                connected => break connected.context("connect to the guest")?,
            }
        };
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(PATIENCE))?;
        client.set_write_timeout(Some(PATIENCE))?;
        Ok(client)
    }
}

/// Instructions between two counts, which are fewer than 2^32. QEMU's two halves of the counter don't carry at the same
/// time. So a count may be 2^32 too high for a while, and only its lower half is right.
fn between(before: u64, after: u64) -> u64 {
    u64::from((after as u32).wrapping_sub(before as u32))
}

fn parse(line: &str) -> Result<Figures> {
    let (_, text) = line.split_once(ANSWER).context("no figures")?;
    let words: Vec<_> = text.split_whitespace().collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| *word == name).with_context(|| format!("no {name} in `{line}`"))?;
        let value = words.get(at + 1).with_context(|| format!("no value of {name} in `{line}`"))?;
        value.parse::<u64>().with_context(|| format!("`{value}` is no count"))
    };
    ensure!(words.len() == 6, "`{line}` has more or less than three figures");
    Ok(Figures { instructions: value("instructions")?, stack: value("stack")?, ticks: value("ticks")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_whose_upper_half_is_early_makes_no_difference() {
        const HIGH: u64 = 1 << 32;
        for (before, after) in [(HIGH - 2, HIGH + 3), (2 * HIGH - 2, HIGH + 3), (HIGH + 7, 12), (7, 12)] {
            assert_eq!(between(before, after), 5, "{before} {after}");
        }
    }

    #[test]
    fn figures_are_read_from_their_line() {
        let figures = parse("figures: instructions 12 stack 34 ticks 56").unwrap();
        assert_eq!(figures, Figures { instructions: 12, stack: 34, ticks: 56 });
        for line in ["", "figures: instructions 12 stack 34", "figures: instructions x stack 34 ticks 56"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
