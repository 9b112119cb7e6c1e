//! Power cuts at every byte that changes of settings write, with the device that writes them.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use sockeye_device::{App, AppResources, FlashStore, History, Settings, StoreStatus, Stored};

use crate::board::{Board, READINGS};
use crate::script::Device;

const BLOCK: usize = 4096;
const BLOCKS: usize = 2;

/// NOR flash that stays when the device that has it loses its power.
#[derive(Clone)]
pub struct Flash {
    bytes: Rc<RefCell<Vec<u8>>>,
    /// Bytes that can be written or erased until the power is cut.
    left: Rc<Cell<Option<usize>>>,
    written: Rc<Cell<usize>>,
}

impl Flash {
    pub fn new() -> Self {
        Self { bytes: Rc::new(RefCell::new(vec![0xff; BLOCK * BLOCKS])), left: Rc::default(), written: Rc::default() }
    }

    /// Cuts the power after so many more bytes; None never does.
    pub fn cut_after(&self, bytes: Option<usize>) {
        self.left.set(bytes);
    }

    /// Whether the power is cut.
    pub fn is_cut(&self) -> bool {
        self.left.get() == Some(0)
    }

    /// The same flash, with power.
    pub fn with_power(&self) -> &Self {
        self.left.set(None);
        self
    }

    fn put(&self, offset: usize, byte: u8) -> Result<(), PowerCut> {
        if let Some(left) = self.left.get() {
            self.left.set(Some(left.checked_sub(1).ok_or(PowerCut)?));
        }
        self.written.set(self.written.get() + 1);
        self.bytes.borrow_mut()[offset] = byte;
        Ok(())
    }
}

#[derive(Debug)]
pub struct PowerCut;

impl NorFlashError for PowerCut {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl ErrorType for Flash {
    type Error = PowerCut;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PowerCut> {
        let offset = offset as usize;
        bytes.copy_from_slice(&self.bytes.borrow()[offset..offset + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        BLOCK * BLOCKS
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = BLOCK;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerCut> {
        (from as usize..to as usize).try_for_each(|offset| self.put(offset, 0xff))
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), PowerCut> {
        bytes.iter().enumerate().try_for_each(|(index, byte)| {
            let offset = offset as usize + index;
            let old = self.bytes.borrow()[offset];
            self.put(offset, old & byte)
        })
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// The lines of a client, and the events before its last reply.
type Step = (&'static [&'static str], &'static [&'static str]);

/// Each step ends with a reply that says that something is stored.
const STEPS: [Step; 9] = [
    (&["CONFIG SET device.name kitchen loglevel warning wifi.country DE ap.passphrase battery-staple"], &[]),
    (
        &["CONFIG SET wifi.ssid home wifi.password correct-horse", "WIFI TRY", "WIFI CONFIRM"],
        &["wifi joined", "wifi address 10.0.0.7"],
    ),
    (&["CONFIG SET ap.open yes device.name hall"], &[]),
    (
        &["CONFIG SET wifi.ssid work wifi.password other-horse wifi.ip 10.0.0.9/24", "WIFI TRY", "WIFI CONFIRM"],
        &["wait 500", "wifi left", "wifi joined", "wifi address 10.0.0.9"],
    ),
    (&["CONFIG SET auth.token correct-horse ap.always yes"], &[]),
    (&["CONFIG SET wiring.door \"input pin=10\" wiring.room \"bme280 sda=6 scl=7\""], &[]),
    (&["CONFIG SET wiring.door \"\" wiring.pump \"output pin=5\" device.name pump"], &[]),
    (&["WIFI FORGET home"], &[]),
    (&["CONFIG FACTORYRESET"], &[]),
];

pub fn boot(flash: &Flash) -> (FlashStore<Flash>, Stored) {
    let store = FlashStore::new(flash.clone(), 0..(BLOCK * BLOCKS) as u32).unwrap();
    let stored = now(store.load());
    (store, stored)
}

/// Plays the steps until one isn't acknowledged, and says how many were; `stored` sees the flash after each.
fn play(flash: &Flash, mut stored: impl FnMut(&Flash)) -> usize {
    let board = Board::wired();
    let mut histories = board.histories();
    let (store, settings) = boot(flash);
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, settings).unwrap();
    let mut device = Device::with_store(&board, &app, &store);
    device.event("radio");
    device.event("wifi ap-started");
    for (index, (requests, events)) in STEPS.iter().enumerate() {
        let mut reply = Vec::new();
        for request in *requests {
            // From where even an address that was configured can be confirmed.
            let client = if *request == "WIFI CONFIRM" { "sta" } else { "ap" };
            device.send(client, format!("{request}\r\n").as_bytes());
            if *request == "WIFI TRY" {
                events.iter().for_each(|event| device.event(event));
            }
            reply = device.bytes(client);
        }
        if reply != b"+OK\r\n" {
            assert!(reply.starts_with(b"-ERR"), "{}", String::from_utf8_lossy(&reply));
            return index;
        }
        stored(flash);
    }
    STEPS.len()
}

/// Complaint 17: a store that can't be read is told of, and neither written over nor taken for a new one.
#[test]
fn a_damaged_store_is_told_and_a_factory_reset_begins_anew() {
    let flash = Flash::new();
    for (index, byte) in flash.bytes.borrow_mut().iter_mut().enumerate() {
        *byte = (index as u32).wrapping_mul(2_654_435_761).to_le_bytes()[3];
    }
    let requests = [
        ("INFO device", "store:damaged\r\n"),
        ("CONFIG SET device.name kitchen", "isn't written over; CONFIG FACTORYRESET starts anew"),
        ("INFO device", "store:damaged\r\n"),
        ("CONFIG FACTORYRESET", "+OK\r\n"),
        ("CONFIG SET device.name kitchen", "+OK\r\n"),
        ("INFO device", "store:ok\r\n"),
    ];
    let board = Board::default();
    let mut histories = [const { History::new() }; READINGS.len()];
    let (store, stored) = boot(&flash);
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, stored).unwrap();
    let mut device = Device::with_store(&board, &app, &store);
    for (request, expected) in requests {
        device.send("ap", format!("{request}\r\n").as_bytes());
        let reply = String::from_utf8(device.bytes("ap")).unwrap();
        assert!(reply.contains(expected), "{request}: {reply}");
    }
    assert_eq!(boot(&flash).1.settings.name, "kitchen");
}

/// Whether the device begins to make its own network or to join one, as it should with these settings.
fn is_reachable(settings: &Settings) -> bool {
    let board = Board::wired();
    let mut histories = board.histories();
    let mut resources = AppResources::new();
    let app = App::new(&board, &mut resources, &mut histories, settings.clone()).unwrap();
    let mut device = Device::new(&board, &app);
    device.event("radio");
    let told = device.radio.actions();
    let joins = told.contains("join ") || told.contains("scan");
    joins != settings.networks.is_empty() && (joins || told.contains("start "))
}

#[test]
fn a_power_cut_at_any_byte_leaves_what_was_acknowledged_and_a_way_in() {
    let mut states = vec![Settings::default()];
    let flash = Flash::new();
    let copy = |flash: &Flash| {
        let copy = Flash::new();
        copy.bytes.replace(flash.bytes.borrow().clone());
        copy
    };
    let acknowledged = play(&flash, |flash| states.push(boot(&copy(flash)).1.settings));
    assert_eq!(acknowledged, STEPS.len());
    assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "each step changes something");
    assert!(states.iter().all(is_reachable));
    let mut cut_in = [0; STEPS.len()];
    // No write is shorter than three bytes. Wiping for the factory reset erases and writes 30 KB more, of which some
    // places are enough.
    let bytes = (0..flash.written.get()).filter(|byte| *byte < 3_600 && byte % 3 == 0 || byte % 301 == 0);
    for byte in bytes {
        let flash = Flash::new();
        flash.left.set(Some(byte));
        let acknowledged = play(&flash, |_| ());
        assert!(acknowledged < STEPS.len(), "the power was cut after {byte} bytes");
        flash.left.set(None);
        let (_, Stored { settings, status }) = boot(&flash);
        let is_old_or_new = settings == states[acknowledged] || settings == states[acknowledged + 1];
        assert!(is_old_or_new, "after {byte} bytes, in step {acknowledged}: {settings:?}");
        assert!(matches!(status, StoreStatus::Sound | StoreStatus::Repaired), "{status:?}");
        cut_in[acknowledged] += 1;
    }
    assert!(cut_in.iter().all(|cuts| *cuts > 20), "{cut_in:?}");
}
