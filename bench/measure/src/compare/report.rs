//! The document that is made of what was measured, and its plot.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::results::{Instructions, Latency, Memory, Rates, Redis, RedisTest, Results, Row, Wire};
use super::targets::{self, TARGETS};
use super::wire;
use crate::stale_document;
use crate::tables::grouped;
use harness::workspace::Workspace;

const DOCUMENT: &str = "docs/performance.md";
const PLOT: &str = "docs/instructions.svg";

/// Writes the document and its plot.
pub fn write(workspace: &Workspace, results: &Results) -> Result<()> {
    fs::write(workspace.root.join(DOCUMENT), document(results))?;
    if let Some(instructions) = &results.instructions {
        plot(instructions, &workspace.root.join(PLOT))?;
    }
    println!("{}", document(results));
    Ok(())
}

/// The fault of the document in the tree, which has to be the one that the results make; None if there is no fault.
pub fn fault(workspace: &Workspace) -> Option<String> {
    let results = match Results::read(workspace) {
        Ok(results) => results,
        Err(error) => return Some(format!("{error:#}")),
    };
    stale_document(workspace, DOCUMENT, &document(&results), "bench/results.toml", "the bench again")
}

fn document(results: &Results) -> String {
    let mut text = String::from(HEAD);
    for (name, value) in &results.machine {
        // Writing into a string doesn't fail.
        let _ = writeln!(text, "| {name} | {value} |");
    }
    if let Some(instructions) = &results.instructions {
        text += &instructions_part(instructions);
    }
    if let Some(memory) = &results.memory {
        text += &memory_part(memory);
    }
    text += &targets_part(results);
    if let Some(wire) = &results.wire {
        text += &wire_part(wire);
    }
    if let Some(latency) = &results.latency {
        text += &latency_part(latency);
    }
    if let Some(rates) = &results.rates {
        text += &rates_part(rates);
    }
    if let Some(redis) = &results.redis {
        text += &redis_part(redis);
    }
    text
}

const HEAD: &str = "# Performance

`cargo xtask bench` makes this page (as root, on Debian). `cargo xtask tidy` fails if the page is not what the last run
measured. `cargo xtask bench PART` measures one part again. Figures in other documents come from here.

| machine | |
|---|---|
";

fn instructions_part(measured: &Instructions) -> String {
    let mut text = String::from(INSTRUCTIONS);
    text += &table("server", &EXCHANGES, &measured.exchanges);
    if !measured.scheduling.is_empty() {
        text += SCHEDULING;
        text += &scheduling_rows(measured);
    }
    text += OPEN;
    let counts: Vec<_> = numbers(measured);
    let columns: Vec<_> = counts.iter().map(String::as_str).collect();
    text += &table("connections open in turn, of 32 slots", &columns, &measured.open);
    text += "\n![Instructions of a request against open connections](instructions.svg)\n";
    text += DEVICE;
    for (name, value) in &measured.device {
        let _ = writeln!(text, "| {name} | {} |", grouped(*value));
    }
    let _ = writeln!(text, "| classic hello, as shipped: prints each request | {} |", grouped(measured.hello));
    text += IDLE;
    for (name, value) in &measured.idle_second {
        let _ = writeln!(text, "| {name} | {} |", grouped(*value));
    }
    text
}

const EXCHANGES: [&str; 6] =
    ["kept open", "7 in turn", "connect, request, close", "closed by server", "1,000 bytes in", "1,000 bytes out"];

const INSTRUCTIONS: &str = "
## Instructions

The programs run on RV32IMC, the ESP32-C3's instruction set, in QEMU with `-icount shift=0`. The guest prints its own
instruction counter on its console before and after some hundreds of exchanges over a tap. The client waits for each
reply before it sends the next request. A figure is the median of five runs.

Everything that runs is counted: network card driver, Ethernet, ARP, IP, TCP with its acknowledgements and timers, and the
server. For the Rust programs the executor and the interrupts are counted too. lwIP has neither: it is called from one
loop, which is the cheapest way to run it. Waiting is not counted. All programs have the same word-wise memcpy, and may
read words at any address, as the ESP32-C3 can. No figure includes caches or a radio.

All programs serve 8 clients. A request is 16 bytes and its reply 13, where nothing else is said. `closed by server` is the
classic exchange, 16 bytes in and 11 out. lwIP's settings are ESP-IDF's where they matter, so lwIP does not check the IP
header's checksum; the others do. All programs copy what a handler gets and gives, except lwIP, whose callbacks see the
received frame itself.

";

/// A row for each exchange that was profiled: all, what schedules, and the difference.
fn scheduling_rows(measured: &Instructions) -> String {
    let sockeye = measured.exchanges.get("Sockeye");
    let lwip = measured.exchanges.get("lwIP -O2 LTO");
    let mut text = String::new();
    for (name, scheduling) in &measured.scheduling {
        let of = |row: Option<&Row>| row.and_then(|row| row.get(name)).copied();
        let Some(all) = of(sockeye).or_else(|| of(Some(&measured.device))) else { continue };
        let lwip = of(lwip).map_or("-".to_owned(), grouped);
        let (whole, part, rest) = (grouped(all), grouped(*scheduling), grouped(all.saturating_sub(*scheduling)));
        let _ = writeln!(text, "| {name} | {whole} | {part} | {rest} | {lwip} |");
    }
    text
}

const SCHEDULING: &str = "
Sockeye's figures without the executor and the interrupts, which lwIP's program has not. A profile of 100 exchanges
finds them. Each instruction counts for the file of its source line. The executor and the interrupts are:

- the packages embassy-executor, embassy-sync, embassy-time-driver and embassy-time-queue-utils
- the packages cordyceps, critical-section, portable-atomic, riscv and riscv-rt
- the board's executor, clock and interrupt controller
- the assembly around an interrupt

The states of the futures are not in them: those are the tasks' own.

| exchange | all | executor and interrupts | without them | lwIP -O2 LTO |
|---|---:|---:|---:|---:|
";

const OPEN: &str = "
Clients that are connected and take turns, with one request at a time:

";

const DEVICE: &str = "
The device's own image, with 8 slots. A request includes its protocol, its command and its session. A `GET` of a reading
is 10 bytes in as an inline request, 23 as an array, and 10 out.

| the device | instructions |
|---|---:|
";

const IDLE: &str = "
| a second in which no client is there | instructions |
|---|---:|
";

fn memory_part(measured: &Memory) -> String {
    let mut text = String::from(MEMORY);
    text += &table("program", &["flash", "static RAM", "of it each slot", "stack"], &measured.programs);
    text += ELSEWHERE;
    text
}

const MEMORY: &str = "
## RAM and flash

The figures are bytes, on the board in QEMU with 8 slots. The first rows answer the exchanges above; `hello` and `device`
are the programs that are shipped. Flash is code, constants and initial values, without a radio.

RAM of a slot is the difference between the program for 8 slots and the program for 7. The slot has a task, a connection
with 1,024 bytes of buffer each way, and its place in the tables. The device's sessions are a fixed number and not in
it. RAM of lwIP's slot is its control block, and 2,048 bytes of the heap that holds sent data until it is acknowledged.
The network card's buffers, 24 KB in each program, are in static RAM. Stack is the most that was in use at once from boot
on and under load, interrupts included; it is found by painting the stack. The device's load ends with CONFIG
FACTORYRESET, which takes most of it.

";

const ELSEWHERE: &str = "
[footprint.md](footprint.md) has what the images on chips take, and whose code they consist of.
";

fn targets_part(results: &Results) -> String {
    let mut text = String::from(targets::HEAD);
    for target in &TARGETS {
        let Some(measured) = (target.measured)(results) else { continue };
        let over = match measured.checked_sub(target.at_most) {
            Some(over) if over > 0 => format!("{} %", (over * 100).div_ceil(target.at_most)),
            _ => "met".to_owned(),
        };
        let (at_most, measured) = (grouped(target.at_most), grouped(measured));
        let _ = writeln!(text, "| {} | {at_most} | {measured} | {over} |", target.what);
    }
    text + targets::REASONS
}

fn wire_part(measured: &Wire) -> String {
    let mut text = String::from(WIRE);
    for (head, rows) in [
        ("kept open, one right after the other", &measured.at_once),
        ("kept open, with pauses", &measured.one_by_one),
        ("connect, read, close", &measured.connection),
    ] {
        let _ = writeln!(
            text,
            "\n| {head} | bytes to | from | packets to | from | instructions |\n|---|{}",
            "---:|".repeat(5)
        );
        for (name, row) in rows {
            let each = |what: &str| row.get(what).map_or("-".to_owned(), |sum| tenths(*sum, wire::OPERATIONS));
            let whole = row.get("instructions").map_or("-".to_owned(), |sum| grouped(sum / wire::OPERATIONS));
            let cells = ["bytes to", "bytes from", "packets to", "packets from"].map(each).join(" | ");
            let _ = writeln!(text, "| {name} | {cells} | {whole} |");
        }
    }
    text
}

const WIRE: &str = "
## On the wire

One value of four characters is read. Bytes and packets are counted at the client's interface: Ethernet frames without
their checksum, all of TCP included. HTTP is picoserve on embassy-net as both are shipped: the request is curl's, and the
reply is the bare value. The client is Linux, which delays an acknowledgement so that the next request can carry it. With
pauses between the requests nothing can carry it.
";

fn latency_part(measured: &Latency) -> String {
    let mut text = String::from(LATENCY);
    text += &table("", &["half", "90 %", "99 %", "all", "instructions"], &measured.replies);
    text += BOOT;
    for (name, value) in &measured.boot {
        let _ = writeln!(text, "| {name} | {} |", grouped(*value));
    }
    text
}

const LATENCY: &str = "
## Latency

Microseconds within which that part of 2,000 replies came, in QEMU over a tap. One client sends a request and waits. The
machine's own pauses are included, so the instructions of a request say more than the last columns. A stalled client has
sent half a request and is silent. A slow reader requests INFO repeatedly, and reads a little of it every 10 ms.

";

const BOOT: &str = "
Instructions from `main` to the end of the first reply, connection included. One instruction is one nanosecond of the
guest's time. There is no radio, which takes seconds on a chip.

| boot | instructions |
|---|---:|
";

fn rates_part(measured: &Rates) -> String {
    let mut text = String::from(RATES);
    for (name, row) in sorted(&measured.medians) {
        let cell = |what: &str, unit: &str| {
            let what = format!("{what}, {unit}");
            let value = |rows: &BTreeMap<String, Row>| rows.get(name).and_then(|row| row.get(&what)).copied();
            let percent = value(&measured.percent_of_sockeye).unwrap_or_default();
            format!("{} ({percent} %)", row.get(&what).map_or("-".to_owned(), |value| grouped(*value)))
        };
        let cells = ["kept open", "8 in turn", "connect, request, close"];
        let cells = cells.map(|what| format!("{} | {}", cell(what, "per second"), cell(what, "ns")));
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text
}

const RATES: &str = "
## On Linux

Each program is one thread on a tap device of this machine:

- Sockeye's server and listener, with the handler of the exchanges or with the device
- embassy-net's sockets
- picoserve on embassy-net
- lwIP's raw API

One client sends a request and waits. Client and server run on the same core: on two cores an exchange is mostly the
time in which an idle core is woken. Each program reads the tap until it is empty and then waits in `poll`.

The figures are operations a second, and nanoseconds of the server's processor time for each operation. The times are
precise to 10 ms in 1.5 s, and include the kernel's work for the tap. The programs are measured in turn, in five rounds.
A cell has the median, and in parentheses the median of the ratio to Sockeye's figure of the same round. A rate is worth
little where the machine does other work; a ratio is more robust.

picoserve's rate is that of waiting. picoserve flushes between a reply's head and its body, and embassy-net's flush
waits for the client's acknowledgement. Linux delays the acknowledgement by some 44 ms.

| server | kept open, a second | ns | 8 in turn, a second | ns | connect, request, close, a second | ns |
|---|---:|---:|---:|---:|---:|---:|
";

fn redis_part(measured: &Redis) -> String {
    let Redis { redis_version, clients, requests, tests } = measured;
    let mut text = format!(
        "\n## Beside Redis\n\n`redis-benchmark -c {clients} -P 1 -n {requests}` on loopback: redis-server \
         {redis_version} and the simulated device, in turn, so that other work of the machine meets both. The rates are \
         medians; what counts is the ratio.\n\n\
         | test | Redis, requests/s | Sockeye, requests/s | Sockeye of Redis | in each run |\n|---|---:|---:|---:|---|\n"
    );
    for RedisTest { test, redis_per_s, sockeye_per_s, ratios_percent } in tests {
        let mut sorted = ratios_percent.clone();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let each = ratios_percent.iter().map(|ratio| format!("{ratio} %")).collect::<Vec<_>>().join(", ");
        let (redis, sockeye) = (grouped(*redis_per_s), grouped(*sockeye_per_s));
        let _ = writeln!(text, "| {test} | {redis} | {sockeye} | {median} % | {each} |");
    }
    text
}

/// The numbers of open connections, in order.
fn numbers(measured: &Instructions) -> Vec<String> {
    let mut numbers: Vec<_> = measured.open.values().flat_map(|row| row.keys().cloned()).collect();
    numbers.sort_by_key(|number| number.parse::<u64>().unwrap_or(u64::MAX));
    numbers.dedup();
    numbers
}

/// A table with a line for each row, Sockeye's first, and these columns.
fn table(head: &str, columns: &[&str], rows: &BTreeMap<String, Row>) -> String {
    let mut text = format!("| {head} | {} |\n|---|{}\n", columns.join(" | "), "---:|".repeat(columns.len()));
    for (name, row) in sorted(rows) {
        let cells = columns.iter().map(|column| row.get(*column).map_or("-".to_owned(), |value| grouped(*value)));
        let _ = writeln!(text, "| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

/// Sockeye's first, the others by name.
fn sorted(rows: &BTreeMap<String, Row>) -> Vec<(&String, &Row)> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|(name, _)| (!name.starts_with("Sockeye"), by_number(name)));
    rows
}

/// A name whose numbers are as long as each other, so that it sorts by their value.
fn by_number(name: &str) -> String {
    name.split(' ').map(|word| word.parse::<u64>().map_or(word.to_owned(), |number| format!("{number:020}"))).collect()
}

/// A sum's part of so many, with one decimal where there is one.
fn tenths(sum: u64, of: u64) -> String {
    match (sum * 10 / of) % 10 {
        0 => grouped(sum / of),
        tenth => format!("{}.{tenth}", grouped(sum / of)),
    }
}

/// Instructions of a request against open connections, one line for each server.
fn plot(measured: &Instructions, file: &std::path::Path) -> Result<()> {
    let shown = ["Sockeye", "embassy-net", "lwIP -Os LTO"];
    let colours = [RGBColor(200, 60, 40), RGBColor(60, 90, 180), RGBColor(90, 90, 90)];
    let most = measured.open.values().flat_map(|row| row.values()).max().copied().unwrap_or(1);
    let failed = |error: DrawingAreaErrorKind<std::io::Error>| anyhow!("can't draw the plot: {error}");

    let root = SVGBackend::new(file, (720, 360)).into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0_u64..32, 0..most + most / 20)
        .map_err(failed)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("connections open in turn").y_desc("instructions of a request").max_light_lines(1);
    mesh.y_label_formatter(&|value| grouped(*value)).draw().map_err(failed)?;
    for (name, colour) in shown.into_iter().zip(colours) {
        let Some(row) = measured.open.get(name) else { continue };
        let mut points: Vec<(u64, u64)> =
            row.iter().filter_map(|(open, value)| Some((open.parse().ok()?, *value))).collect();
        points.sort_unstable();
        let line = chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2))).map_err(failed)?;
        line.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let dots = points.into_iter().map(|point| Circle::new(point, 3, colour.filled()));
        chart.draw_series(dots).map_err(failed)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK)
        .draw()
        .map_err(failed)?;
    root.present().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_one_decimal_where_there_is_one() {
        for (sum, text) in [(100, "1"), (150, "1.5"), (109, "1"), (123_456, "1,234.5")] {
            assert_eq!(tenths(sum, 100), text);
        }
    }

    #[test]
    fn rows_are_in_order_of_their_numbers() {
        assert!(by_number("a, 7 of 32") < by_number("a, 31 of 32"));
        assert!(by_number("a, 7 of 32") < by_number("b, 0 of 32"));
    }

    #[test]
    fn connections_are_in_order_of_their_number() {
        let row = ["31", "4", "15"].map(|open| (open.to_owned(), 1)).into();
        let open = [("Sockeye".to_owned(), row)].into();
        assert_eq!(numbers(&Instructions { open, ..Instructions::default() }), ["4", "15", "31"]);
    }
}
