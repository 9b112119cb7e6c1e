//! docs/update.md has the table of states, which is made by running the updater.

use std::fmt::Write;
use std::path::Path;
use std::string::String;

use super::*;

const IMAGE_SIZE: usize = 9_008;
const DOCUMENT: &str = "../../docs/update.md";
const BEGINS: &str = "<!-- The table of states begins. -->\n\n";
const ENDS: &str = "\n<!-- The table of states ends. -->";

fn new() -> Vec<u8> {
    image(2, IMAGE_SIZE)
}

/// A state, and how a device gets there.
type Place = (&'static str, fn() -> (Device, Updater<Flash>));

fn places() -> [Place; 5] {
    [
        ("idle", idle),
        ("receiving", receiving),
        ("ready", || {
            let (device, mut updater) = idle();
            send(&device.flash, &mut updater, &new()).unwrap();
            (device, updater)
        }),
        ("restarting", restarting),
        ("trial", || {
            let (device, _) = restarting();
            let (updater, _) = device.boot().unwrap();
            (device, updater)
        }),
    ]
}

fn idle() -> (Device, Updater<Flash>) {
    let device = Device::new(&image(1, 6_000), 1);
    let (updater, _) = device.boot().unwrap();
    (device, updater)
}

fn receiving() -> (Device, Updater<Flash>) {
    let (device, mut updater) = idle();
    complete(&device.flash, updater.begin(signed(&new()), false, LATER_MS)).unwrap().unwrap();
    for offset in (0..IMAGE_SIZE - 496).step_by(CHUNK_LEN_MAX) {
        let data = &new()[offset..][..CHUNK_LEN_MAX.min(IMAGE_SIZE - 496 - offset)];
        complete(&device.flash, updater.write(offset as u32, data)).unwrap().unwrap();
    }
    (device, updater)
}

fn restarting() -> (Device, Updater<Flash>) {
    let (device, mut updater) = idle();
    send(&device.flash, &mut updater, &new()).unwrap();
    complete(&device.flash, updater.try_image(CONFIRM_S, LATER_MS)).unwrap().unwrap();
    (device, updater)
}

type Happening = (&'static str, fn(&Device, &mut Updater<Flash>) -> Result<(), UpdateError>);

fn happenings() -> [Happening; 7] {
    fn run<T>(device: &Device, future: impl Future<Output = T>) -> T {
        complete(&device.flash, future).unwrap()
    }
    [
        ("`FIRMWARE BEGIN` of another image", |device, updater| {
            run(device, updater.begin(signed(&image(3, IMAGE_SIZE)), false, LATER_MS)).map(drop)
        }),
        ("the last `FIRMWARE WRITE`", |device, updater| {
            let next = updater.status().received;
            run(device, updater.write(next, &new()[IMAGE_SIZE - 496..])).map(drop)
        }),
        ("`FIRMWARE TRY`, and the image is right", |device, updater| {
            run(device, updater.try_image(CONFIRM_S, LATER_MS))
        }),
        ("`FIRMWARE TRY`, and the image is wrong", |device, updater| {
            device.flash.place(SLOTS[1].start + 4_000, &[0x55; 4]);
            run(device, updater.try_image(CONFIRM_S, LATER_MS))
        }),
        ("`FIRMWARE CONFIRM`", |device, updater| run(device, updater.confirm())),
        ("`FIRMWARE ABORT`", |device, updater| match run(device, updater.abort())? {
            // The device restarts.
            true => restart(device, updater),
            false => Ok(()),
        }),
        ("a reset, whatever causes it", restart),
    ]
}

fn restart(device: &Device, updater: &mut Updater<Flash>) -> Result<(), UpdateError> {
    *updater = device.boot().unwrap().0;
    Ok(())
}

fn table() -> String {
    let mut table = String::from("| state | what happens | next | after the next reset |\n|---|---|---|---|\n");
    for (name, place) in places() {
        for (what, happen) in happenings() {
            let (device, mut updater) = place();
            assert_eq!(updater.status().state.name(), name);
            if happen(&device, &mut updater).is_err() && updater.status().state.name() == name {
                continue;
            }
            let next = updater.status().state.name();
            let (_, booted) = device.bootload().unwrap();
            let booted = if booted == digest(&new()) { "the new image" } else { "the old image" };
            writeln!(table, "| {name} | {what} | {next} | {booted} |").unwrap();
        }
    }
    table
}

#[test]
fn update_md_has_the_table_of_states() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGINS).expect("the table begins");
    let (found, after) = rest.split_once(ENDS).expect("the table ends");
    let table = table();
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        std::fs::write(&path, std::format!("{before}{BEGINS}{table}{ENDS}{after}")).unwrap();
        return;
    }
    assert!(found == table, "docs/update.md is stale: run this test with SOCKEYE_BLESS=1\n{table}");
}

/// Numbers that docs/update.md tells.
#[test]
fn update_md_tells_the_limits() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT)).unwrap();
    let rows = [
        ("Bytes of one `FIRMWARE WRITE`, at most", CHUNK_LEN_MAX),
        ("Bytes of the first `FIRMWARE WRITE`, at least", HEADER_LEN),
        ("Seconds until a trial ends, unless said", CONFIRM_S.into()),
        ("Seconds until a trial ends, at least", CONFIRM_S_MIN.into()),
        ("Seconds until a trial ends, at most", CONFIRM_S_MAX.into()),
        ("Bytes of RAM for reading back", BUFFER_LEN),
        ("Steps in a row that have sectors erased, at most", STEPS_MAX.into()),
        ("Seconds until one more step comes back", (STEP_MS / 1_000) as usize),
    ];
    for (what, limit) in rows {
        assert!(text.contains(&std::format!("| {what} | {limit} |")), "{what}: {limit}");
    }
}
