//! A device that pushes its samples while it receives an image.

use std::collections::VecDeque;

use embassy_time::Instant;
use sockeye_device::Outbox;
use sockeye_endpoint::{PushBuffers, push};
use sockeye_firmware_update::{Slot, UpdateState};
use sockeye_simulation::flash::{ERASE_MS, Flash};

use crate::board::READINGS;
use crate::net::Net;
use crate::peer::{Keeps, Peer};
use crate::script::Device;
use crate::slots::{CHIP_ID, begin, flash, image, run_beside, write};

/// The image is sent as often as a device takes one in a row. Two sectors of the slot and one of the record are erased each
/// time.
const TIMES: usize = 16;
const SAMPLE_EVERY_MS: u64 = 20;
/// The longest from when a measurement is due until the receiver has the sample, milliseconds: an erase, and as long again.
const PUSHED_MS_MAX: u64 = 100;
const REPLY_MS_MAX: u64 = 1_000;
/// How often the receiver looks for requests, milliseconds.
const RECEIVER_MS: u64 = 5;

/// The device on its chip, and the receiver of its samples.
struct Chip<'r, 'd> {
    device: &'r mut Device<'d>,
    flash: &'r Flash,
    receiver: &'r Peer,
    net: &'r Net,
    /// Bytes that the receiver has read and not answered.
    rx: Vec<u8>,
    /// How many samples were measured, and when those were due that the receiver does not have.
    measured: i32,
    under_way: VecDeque<u64>,
    due_ms: u64,
    longest_ms: u64,
    erases: u32,
}

impl Chip<'_, '_> {
    /// Lets a millisecond pass, or all of an erase: the chip stands still in it, and the receiver does not.
    fn step(&mut self) {
        let is_erasing = self.flash.is_erasing();
        if is_erasing {
            self.erases += 1;
            self.receive(Instant::now().as_millis() + RECEIVER_MS);
        }
        self.device.wait(if is_erasing { ERASE_MS } else { 1 });
        let now_ms = Instant::now().as_millis();
        if now_ms >= self.due_ms {
            self.under_way.push_back(self.due_ms);
            self.due_ms = now_ms + SAMPLE_EVERY_MS;
            self.device.event(&format!("sample 0 {}", self.measured % 1_000));
            self.measured += 1;
        }
        if now_ms.is_multiple_of(RECEIVER_MS) {
            self.receive(now_ms);
        }
    }

    /// The receiver answers what has come.
    fn receive(&mut self, now_ms: u64) {
        if let Some(pipe) = &*self.net.pipe.borrow() {
            self.receiver.serve(pipe, &mut self.rx);
        }
        let left = self.measured as usize - self.receiver.stored.borrow().len();
        while self.under_way.len() > left {
            let since_ms = self.under_way.pop_front().expect("it is longer");
            self.longest_ms = self.longest_ms.max(now_ms - since_ms);
        }
    }

    /// Sends a request, and gives its reply.
    fn request(&mut self, request: &[u8]) -> String {
        let start = Instant::now();
        self.device.send("ap", request);
        loop {
            let reply = self.device.bytes("ap");
            if !reply.is_empty() {
                return String::from_utf8(reply).expect("a short reply");
            }
            assert!(start.elapsed().as_millis() < REPLY_MS_MAX, "no reply to {}", request.escape_ascii());
            self.step();
        }
    }
}

#[test]
fn pushes_go_on_while_an_image_is_received() {
    let flash = flash(1);
    let outbox = Outbox::new(&READINGS);
    let (net, receiver) = (Net::default(), Peer::new(Keeps::Everything));
    let mut buffers = PushBuffers::sized();
    let sender = async { push(&outbox, &(), &net, &net, &mut buffers, || 0).await };
    run_beside(&flash, Slot::Ota0, &outbox, sender, |device, status, _| {
        assert_eq!(status.state, UpdateState::Idle);
        device.script("ap: CONFIG SET push.to 10.0.0.1:3000\nap= +OK|");
        let due_ms = Instant::now().as_millis();
        let mut chip = Chip {
            device,
            flash: &flash,
            receiver: &receiver,
            net: &net,
            rx: Vec::new(),
            measured: 0,
            under_way: VecDeque::new(),
            due_ms,
            longest_ms: 0,
            erases: 0,
        };
        // The device connects to the receiver.
        (0..PUSHED_MS_MAX).for_each(|_| chip.step());
        let image = image(CHIP_ID, "0.2.0");
        for _ in 0..TIMES {
            assert_eq!(chip.request(format!("{} RESTART\r\n", begin(&image)).as_bytes()), ":0\r\n");
            for (index, data) in image.bytes.chunks(512).enumerate() {
                let next = 512 * index + data.len();
                assert_eq!(chip.request(&write(512 * index, data)), format!(":{next}\r\n"));
            }
        }
        assert!(chip.request(b"FIRMWARE STATUS\r\n").contains("ready"), "the image is there");
        (0..PUSHED_MS_MAX).for_each(|_| chip.step());
        let Chip { measured, longest_ms, erases, .. } = chip;
        println!("{measured} samples beside {erases} erases, each pushed within {longest_ms} ms");
        assert!(erases as usize >= 3 * TIMES, "{erases} erases");
        assert!(longest_ms <= PUSHED_MS_MAX, "a sample took {longest_ms} ms");
        let stored: Vec<_> = receiver.stored.borrow().iter().map(|(.., value)| *value).collect();
        assert_eq!(stored[..stored.len() - 1], (0..measured - 1).map(|number| number % 1_000).collect::<Vec<_>>());
        assert_eq!(outbox.counts().connections, 1);
    });
}
