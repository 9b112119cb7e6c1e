//! Transfers between Linux's TCP and a device's, in real time, through a bad wire in user space.
//!
//! Each transfer has a tap device and a network of its own. The wire between the tap device and the device's stack
//! loses, doubles, delays and damages frames in each direction, as a seed decides. The receiver compares every byte, and
//! the SHA-256 of both ends has to be the same. Connections have to end at both ends. The numbers of both sides and the
//! device's clock pass 2^32 on the way.
//!
//! A connection that was given up is followed by another, which goes on where the receiver is. How often that may
//! happen is in [`plan`].
//!
//! # Layout
//! - [`plan`]: the transfers. [`transfer`]: one of them. [`content`]: its bytes.
//! - [`link`]: the wire, and the driver at its end. [`frames`]: the frames, as far as the wire reads them.
//! - [`linux`]: Linux's end. [`device`]: the device's, on Sockeye's TCP or on embassy-net's.
//! - [`host_clock`]: the device's clock.
#![deny(unsafe_code)]

mod content;
mod device;
mod frames;
mod host_clock;
mod link;
mod linux;
mod plan;
mod report;
mod transfer;

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use clap::Parser;

use crate::device::Stack;
use crate::plan::{PREFIX_LEN, Plan};
use crate::report::Report;

/// Transfers between Linux and a device through a bad wire
#[derive(Parser)]
struct Cli {
    /// How many transfers
    #[arg(long, default_value_t = plan::COMBINATIONS)]
    transfers: usize,
    /// Just the transfer of this number
    #[arg(long)]
    only: Option<usize>,
    /// Just those in which so many frames of 100 are lost
    #[arg(long, value_name = "PERCENT")]
    loss: Option<u16>,
    /// The seed of the first
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bytes of each, instead of what takes less than a minute
    #[arg(long)]
    len: Option<u64>,
    /// The same transfers with embassy-net's TCP too, beside ours; its faults are counted, and fail nothing
    #[arg(long)]
    beside: bool,
    /// Transfers at once
    #[arg(long, default_value_t = 32)]
    at_once: usize,
    /// The longest that one may take, seconds
    #[arg(long, default_value_t = 900)]
    limit_s: u64,
    /// Only lists the networks that have to be there: tap device, Linux's address, MTU
    #[arg(long)]
    networks: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let numbers: Vec<_> = cli.only.map_or_else(|| (0..cli.transfers).collect(), |number| vec![number]);
    let stacks = if cli.beside { &[Stack::Sockeye, Stack::EmbassyNet][..] } else { &[Stack::Sockeye] };
    let plans = numbers.iter().flat_map(|&number| {
        let plan = Plan::new(number, cli.seed, cli.len);
        stacks.iter().map(move |&stack| (plan, stack))
    });
    if cli.networks {
        for (plan, stack) in plans {
            let (linux, _) = plan.addresses(stack as usize);
            println!("{} {linux}/{PREFIX_LEN} {}", plan.tap(stack as usize), plan.linux_mtu);
        }
        return ExitCode::SUCCESS;
    }
    // Transfers with the most losses take longest.
    let is_wanted = |(plan, _): &(Plan, Stack)| cli.loss.is_none_or(|percent| plan.lost() == percent * 10);
    let mut plans: Vec<_> = plans.filter(is_wanted).collect();
    plans.sort_by_key(|(plan, _)| std::cmp::Reverse(plan.loss));
    let (queue, report) = (Mutex::new(VecDeque::from(plans)), Mutex::new(Report::default()));
    thread::scope(|scope| {
        for _ in 0..cli.at_once {
            scope.spawn(|| {
                while let Some((plan, stack)) = next(&queue) {
                    // A thread of its own: the clock of each begins anew.
                    let transfer = thread::spawn(move || transfer::run(plan, stack, Duration::from_secs(cli.limit_s)));
                    let result = transfer.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a panic")));
                    report.lock().expect("nobody panics").add(plan, stack, result);
                }
            });
        }
    });
    let report = report.into_inner().expect("nobody panics");
    report.print();
    if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue.lock().expect("nobody panics").pop_front()
}
