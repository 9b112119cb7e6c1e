//! A profile of an exchange's instructions. QEMU reports every instruction that the guest executes. An instruction
//! counts for the function and the crate of its source line, so inlined functions count for themselves.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::Duration;

use addr2line::Loader;
use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;

use crate::exchanges::{self, Exchange};
use crate::guest::Guest;
use crate::parts;
use harness::daemon::Server;
use harness::emulator::{self, Network};
use harness::namespace::{TAP, make_tap, run_inside};
use harness::process::{SHORT, read, run};
use harness::workspace::Workspace;

/// Exchanges before counting starts, and while it lasts.
const WARM_UP: usize = 20;
const COUNTED: u64 = 100;
/// Longer than the last acknowledgement takes, and what QEMU tells of it.
const SETTLE: Duration = Duration::from_millis(500);
/// Functions that are printed, if not told otherwise.
const FUNCTIONS: usize = 40;
/// How a line begins that tells an instruction.
const LINE_MARK: &str = "Trace ";

/// The exchange to profile.
#[derive(clap::Args)]
pub struct Args {
    /// The exchange
    #[arg(value_enum)]
    what: What,
    /// How many functions to print
    #[arg(long, default_value_t = FUNCTIONS)]
    functions: usize,
    /// Set by this program where it runs itself again in a namespace that it made.
    #[arg(long, hide = true)]
    inside: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// 16 bytes in, 13 out, on a connection that stays open
    Request,
    /// Connect, a request, close
    Cycle,
    /// The classic: 16 bytes in, 11 out, and the server closes
    Closed,
    /// 1,000 bytes in
    In,
    /// 1,000 bytes out
    Out,
    /// GET of a reading, inline
    Get,
    /// Connect, GET of a reading, close
    DeviceCycle,
    /// The same as an array
    GetArray,
    /// MGET of eight readings
    Mget,
    /// SET of an output
    Set,
}

impl What {
    fn exchange(self) -> Exchange {
        match self {
            Self::Request | Self::Cycle => exchanges::SHORT,
            Self::Closed => exchanges::HELLO,
            Self::In => exchanges::IN,
            Self::Out => exchanges::OUT,
            Self::Get | Self::DeviceCycle => exchanges::GET_INLINE,
            Self::GetArray => exchanges::GET_ARRAY,
            Self::Mget => exchanges::MGET,
            Self::Set => exchanges::SET,
        }
    }

    fn bin(self) -> &'static str {
        match self {
            Self::Request | Self::Cycle | Self::Closed | Self::In | Self::Out => "bench",
            Self::Get | Self::DeviceCycle | Self::GetArray | Self::Mget | Self::Set => "device",
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// The job.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.inside {
        return in_namespace(workspace, args);
    }
    emulator::build(workspace, args.what.bin(), None)?;
    run_inside(&["profile", "--inside", &args.what.name(), "--functions", &args.functions.to_string()])
}

fn in_namespace(workspace: &Workspace, args: &Args) -> Result<()> {
    make_tap()?;
    let elf = emulator::built(workspace, args.what.bin())?;
    let counted = run_counted(workspace, &elf, args.what)?;
    print(&elf, &counted, args.functions)
}

/// Instructions of one exchange that run tasks or take interrupts, of a program that answers it.
pub fn scheduling(workspace: &Workspace, elf: &Path, what: What) -> Result<u64> {
    let counted = run_counted(workspace, elf, what)?;
    let loader = Loader::new(elf).map_err(|error| anyhow!("{error}")).context("read the line tables")?;
    let mut sum = 0;
    for (address, count) in counted {
        if parts::is_scheduling(&loader, address)? {
            sum += count;
        }
    }
    Ok(sum / COUNTED)
}

/// Boots the program, and counts how often each address is executed in [`COUNTED`] exchanges.
fn run_counted(workspace: &Workspace, elf: &Path, what: What) -> Result<HashMap<u64, u64>> {
    let pipe = pipe(workspace)?;
    let counts = Counts::default();
    let reader = {
        let (counts, pipe) = (counts.clone(), pipe.clone());
        thread::spawn(move || counts.read(&pipe))
    };
    let mut machine = emulator::machine(elf, &Network::Tap(TAP));
    machine.args(["-icount", "shift=0"]).args(one_by_one()?).args(["-d", "exec,nochain", "-D"]).arg(&pipe);
    let mut counted = HashMap::new();
    Server::start(workspace, "profile", machine)?.test(|_| {
        counted = count(what, &counts)?;
        Ok(())
    })?;
    reader.join().map_err(|_| anyhow!("the reader of QEMU's log panicked"))??;
    fs::remove_file(pipe)?;
    Ok(counted)
}

/// How QEMU is told to tell each instruction: it has another name since version 8.1.
fn one_by_one() -> Result<&'static [&'static str]> {
    let version = read(Command::new("qemu-system-riscv32").arg("--version"))?;
    let number = version.split_whitespace().skip_while(|word| *word != "version").nth(1).unwrap_or_default();
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    Ok(if version >= (8, 1) { &["-accel", "tcg,one-insn-per-tb=on"] } else { &["-singlestep"] })
}

fn pipe(workspace: &Workspace) -> Result<PathBuf> {
    let pipe = workspace.target.join("profile.pipe");
    if pipe.exists() {
        fs::remove_file(&pipe)?;
    }
    run(Command::new("mkfifo").arg(&pipe), SHORT)?;
    Ok(pipe)
}

/// How often each address was executed.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<HashMap<u64, u64>>>);

impl Counts {
    /// Counts until QEMU closes the pipe.
    fn read(&self, pipe: &Path) -> Result<()> {
        let mut log = BufReader::with_capacity(1 << 16, File::open(pipe)?);
        let mut line = Vec::new();
        while log.read_until(b'\n', &mut line)? > 0 {
            if let Some(address) = str::from_utf8(&line).ok().and_then(address) {
                *self.0.lock().map_err(|_| anyhow!("counting panicked"))?.entry(address).or_default() += 1;
            }
            line.clear();
        }
        Ok(())
    }

    fn now(&self) -> Result<HashMap<u64, u64>> {
        Ok(self.0.lock().map_err(|_| anyhow!("counting panicked"))?.clone())
    }
}

/// The address in a line such as `Trace 0: 0x7f [00000000/80000a3c/00101003/ff000001] memcpy`.
fn address(line: &str) -> Option<u64> {
    let (_, fields) = line.strip_prefix(LINE_MARK)?.split_once('[')?;
    u64::from_str_radix(fields.split('/').nth(1)?, 16).ok()
}

/// Addresses, and how often each was executed in all counted exchanges.
fn count(what: What, counts: &Counts) -> Result<HashMap<u64, u64>> {
    let exchange = what.exchange();
    let mut kept_open = Guest::connect()?;
    let mut once = || match what {
        What::Cycle | What::DeviceCycle => exchange.run(&mut Guest::connect()?),
        What::Closed => exchange.run_until_closed(&mut Guest::connect()?),
        _ => exchange.run(&mut kept_open),
    };
    (0..WARM_UP).try_for_each(|_| once())?;
    sleep(SETTLE);
    let before = counts.now()?;
    (0..COUNTED).try_for_each(|_| once())?;
    sleep(SETTLE);
    let mut after = counts.now()?;
    for (address, count) in &mut after {
        *count -= before.get(address).copied().unwrap_or(0);
    }
    after.retain(|_, count| *count > 0);
    if after.is_empty() {
        bail!("QEMU told no instruction: is its log in another format?");
    }
    Ok(after)
}

fn print(elf: &Path, counted: &HashMap<u64, u64>, functions: usize) -> Result<()> {
    let loader = Loader::new(elf).map_err(|error| anyhow!("{error}")).context("read the line tables")?;
    let (mut by_function, mut by_part) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    let mut scheduling = 0;
    for (address, count) in counted {
        if parts::is_scheduling(&loader, *address)? {
            scheduling += count;
        }
        *by_function.entry(function(&loader, *address)?).or_default() += count;
        *by_part.entry(parts::owner(&loader, *address)?).or_default() += count;
    }
    println!("instructions of one exchange, all {}", tenths(counted.values().sum()));
    println!("of them the executor, its wakers and the interrupts {}", tenths(scheduling));
    println!("\nby crate; Rust's own library counts for whoever it was inlined into");
    print_largest(by_part, usize::MAX);
    println!("\nby function, each without what was inlined into it");
    print_largest(by_function, functions);
    Ok(())
}

fn print_largest(counts: BTreeMap<String, u64>, most: usize) {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (name, count) in counts.into_iter().take(most) {
        println!("{:>10}  {name}", tenths(count));
    }
}

fn tenths(count: u64) -> String {
    format!("{}.{}", count / COUNTED, count * 10 / COUNTED % 10)
}

/// The innermost function at an address and its file, or the symbol where there is no line.
fn function(loader: &Loader, address: u64) -> Result<String> {
    let failed = |error| anyhow!("read a line table: {error}");
    let frame = loader.find_frames(address).map_err(failed)?.next().map_err(|error| anyhow!("{error}"))?;
    let named = frame.and_then(|frame| {
        let file = frame.location.and_then(|location| location.file?.rsplit('/').next()).unwrap_or("?");
        // Generic arguments fill lines, and are the same for all calls in a program.
        let name = frame.function?.demangle().ok()?.split('<').next().unwrap_or_default().to_owned();
        Some(format!("{name}, {file}"))
    });
    Ok(named.or_else(|| loader.find_symbol(address).map(str::to_owned)).unwrap_or_else(|| "?".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_line_is_found() {
        let line = "Trace 0: 0x7f8a94000100 [00000000/80000a3c/00101003/ff000001] memcpy\n";
        assert_eq!(address(line), Some(0x8000_0a3c));
        assert_eq!(address("Stopped execution of TB chain before 0x7f [80000a3c] memcpy"), None);
    }
}
