//! Sessions of the device, with any bytes from clients, in any pieces, and any events meanwhile. The device goes on,
//! and every answer is RESP or a page. No client reads or changes anything without the rights to it.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use resp_rs::resp3::parse_frame;
use sockeye_device::{App, AppResources, History, Settings, TokenHash, Value};
use sockeye_fuzz::board::{Board, OUTPUTS, READINGS};
use sockeye_fuzz::heap::freed;
use sockeye_fuzz::script::Device;

/// Nothing that a fuzzer comes across.
const TOKEN: &[u8] = b"\x9b\x17 a token of the kitchen's \xe4\x02";
/// A reading that shows in a reply only if a client was told it.
const LATEST: Value = Value(777_773);
const LATEST_TEXT: &[u8] = b"77777.3";
/// Stands before what happens in between; no request that means anything has it.
const EVENT: u8 = 0xff;
/// How often a part of the replies is acknowledged before all of it is at once.
const ACKS: usize = 1_000;
const CLIENTS: [&str; 3] = ["1", "2", "3"];

/// How an input begins: who the clients are.
struct Setting {
    has_token: bool,
    has_radio: bool,
    /// Replies are acknowledged in pieces too.
    is_slow: bool,
    side: &'static str,
    piece: usize,
}

impl Setting {
    fn new(how: u8, piece: u8) -> Self {
        let side = ["ap", "lo", "sta"][usize::from(how >> 1) % 3];
        Self {
            has_token: how & 1 == 1,
            has_radio: how & 128 != 0,
            is_slow: how & 64 != 0,
            side,
            piece: usize::from(piece) + 1,
        }
    }

    fn may_change(&self) -> bool {
        !self.has_token && self.side != "sta"
    }
}

fuzz_target!(|data: &[u8]| freed(|| {
    let Some((&[how, piece], wire)) = data.split_first_chunk() else {
        return;
    };
    let setting = Setting::new(how, piece);
    let board = Board::default();
    let token = setting.has_token.then(|| TokenHash::new(TOKEN, [7; 16]));
    let settings = Settings { token, ..Settings::default() };
    board.stored.replace(settings.clone());
    {
        let mut histories = [const { History::new() }; READINGS.len()];
        let mut resources = AppResources::new();
        let app = App::new(&board, &mut resources, &mut histories, settings.clone()).expect("the board is sound");
        app.sample(0, LATEST);
        let mut device = Device::new(&board, &app);
        if setting.has_radio {
            device.event("radio");
        }
        let replies = play(&mut device, &app, &setting, wire);
        for reply in &replies {
            assert_replies(reply);
            if setting.has_token && !wire.windows(5).any(|bytes| bytes == &LATEST_TEXT[..5]) {
                assert!(!contains(reply, LATEST_TEXT), "a reading was told without the token");
            }
        }
        device.send("lo9", b"PING\r\n");
        assert_eq!(device.bytes("lo9"), b"+PONG\r\n", "another client noticed");
    }
    if !setting.may_change() {
        assert!(board.applied.borrow().is_empty(), "an output was switched by one who may not");
        assert_eq!(*board.stored.borrow(), settings, "a setting was changed by one who may not");
    }
    for (index, value) in board.applied.borrow().iter() {
        let info = &OUTPUTS[*index];
        assert!((info.minimum..=info.maximum).contains(value), "{} = {value:?}", info.name);
    }
}));

/// Lets the clients send and everything happen; gives what came back, client by client.
fn play(device: &mut Device<'_>, app: &App<'_>, setting: &Setting, wire: &[u8]) -> Vec<Vec<u8>> {
    let names = CLIENTS.map(|digit| format!("{}{digit}", setting.side));
    let mut replies = vec![Vec::new(); names.len()];
    let mut client = 0;
    let mut parts = wire.split(|&byte| byte == EVENT);
    let mut send = |device: &mut Device<'_>, client: usize, bytes: &[u8]| {
        let pipe = device.wire(&names[client]);
        if pipe.0.borrow().is_ended {
            return;
        }
        replies[client].append(&mut device.bytes(&names[client]));
        pipe.0.borrow_mut().pieces = std::iter::repeat_n(setting.piece, bytes.len()).collect();
        if setting.is_slow {
            pipe.0.borrow_mut().acks = std::iter::repeat_n(setting.piece, ACKS).collect();
        }
        device.send(&names[client], bytes);
        replies[client].append(&mut device.bytes(&names[client]));
    };
    send(device, client, parts.next().unwrap_or_default());
    for part in parts {
        let Some((&what, bytes)) = part.split_first() else {
            continue;
        };
        let figure = what >> 3;
        match what & 7 {
            0 => app.sample(0, Value(i32::from(figure) * 10)),
            1 => app.sample(1, Value(i32::from(figure))),
            2 => device.wait(u64::from(figure) * 100),
            3 => app.clear_reading(0),
            4 => client = usize::from(figure) % names.len(),
            5 => device.wire(&names[client]).0.borrow_mut().is_ended = true,
            6 => device.wire(&names[client]).0.borrow_mut().is_stuck = true,
            _ => device.wire(&names[client]).0.borrow_mut().is_stuck = false,
        }
        device.run();
        send(device, client, bytes);
    }
    for (name, reply) in names.iter().zip(&mut replies) {
        device.wire(name).0.borrow_mut().is_stuck = false;
        device.run();
        reply.append(&mut device.bytes(name));
    }
    replies
}

/// The bytes that came back are whole replies, as `resp_rs` reads them, or one page.
fn assert_replies(bytes: &[u8]) {
    if bytes.starts_with(b"HTTP/1.1 ") {
        return;
    }
    let mut rest = Bytes::copy_from_slice(bytes);
    while !rest.is_empty() {
        let parsed = parse_frame(rest.clone());
        assert!(parsed.is_ok(), "not RESP: {}", rest.escape_ascii());
        rest = parsed.expect("it was just checked").1;
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
