//! The network card: virtio-net over virtio-mmio (Virtual I/O Device specification 1.2, sections 4.2 and 5.1), as an
//! embassy-net driver. QEMU needs `-global virtio-mmio.force-legacy=false`.
//!
//! No offloads and no copies: frames are read and written where the card has them.

use core::ptr::{addr_of, addr_of_mut, read_volatile, write_volatile};
use core::sync::atomic::{AtomicUsize, Ordering, fence};
use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use static_cell::ConstStaticCell;

use crate::interrupts;
use crate::mmio::{VIRTIO, VIRTIO_STRIDE, read, read_byte, write};

/// Bytes of an Ethernet frame without its check sequence.
const FRAME_LEN: usize = 1514;
/// Bytes before each frame (section 5.1.6); all zero, since no offload was asked for.
const HEADER_LEN: usize = 12;
/// Frames each way, a power of two.
const QUEUE_LEN: usize = 8;
/// Bytes left free before [`HEADER_LEN`], so that what follows an Ethernet header of 14 bytes lies on a word boundary.
const PAD_LEN: usize = 2;

/// Registers (section 4.2.2).
mod registers {
    pub(super) const MAGIC: usize = 0x000;
    pub(super) const VERSION: usize = 0x004;
    pub(super) const DEVICE_ID: usize = 0x008;
    pub(super) const DRIVER_FEATURES: usize = 0x020;
    pub(super) const DRIVER_FEATURES_SEL: usize = 0x024;
    pub(super) const QUEUE_SEL: usize = 0x030;
    pub(super) const QUEUE_NUM: usize = 0x038;
    pub(super) const QUEUE_READY: usize = 0x044;
    pub(super) const QUEUE_NOTIFY: usize = 0x050;
    pub(super) const INTERRUPT_STATUS: usize = 0x060;
    pub(super) const INTERRUPT_ACK: usize = 0x064;
    pub(super) const STATUS: usize = 0x070;
    pub(super) const QUEUE_DESC: usize = 0x080;
    pub(super) const QUEUE_DRIVER: usize = 0x090;
    pub(super) const QUEUE_DEVICE: usize = 0x0a0;
    pub(super) const CONFIG: usize = 0x100;
}
use registers::*;

const MAGIC_VALUE: u32 = 0x7472_6976;
const NETWORK_CARD: u32 = 1;
/// Status bits (section 2.1).
const ACKNOWLEDGE: u32 = 1;
const DRIVER: u32 = 2;
const DRIVER_OK: u32 = 4;
const FEATURES_OK: u32 = 8;
/// Feature bits: the card's MAC address is in its configuration; bit 32, modern.
const FEATURES: [u32; 2] = [1 << 5, 1];
/// The card writes to this buffer.
const WRITE: u16 = 2;
/// No interrupt for used buffers.
const NO_INTERRUPT: u16 = 1;

/// Split virtqueue (section 2.7).
#[repr(C, align(16))]
struct Descriptor {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

#[repr(C, align(4))]
struct Available {
    flags: u16,
    index: u16,
    ring: [u16; QUEUE_LEN],
}

#[repr(C, align(4))]
struct Used {
    flags: u16,
    index: u16,
    ring: [(u32, u32); QUEUE_LEN],
}

/// A queue and its buffers, shared with the card. Descriptor i always stands for buffer i.
#[repr(C)]
struct Memory {
    descriptors: [Descriptor; QUEUE_LEN],
    available: Available,
    used: Used,
    buffers: [[u8; (PAD_LEN + HEADER_LEN + FRAME_LEN).next_multiple_of(4)]; QUEUE_LEN],
}

impl Memory {
    const fn new() -> Self {
        Self {
            descriptors: [const { Descriptor { address: 0, len: 0, flags: 0, next: 0 } }; QUEUE_LEN],
            available: Available { flags: 0, index: 0, ring: [0; QUEUE_LEN] },
            used: Used { flags: 0, index: 0, ring: [(0, 0); QUEUE_LEN] },
            buffers: [[0; _]; QUEUE_LEN],
        }
    }
}

struct Queue {
    base: usize,
    number: u32,
    memory: *mut Memory,
    /// Buffers given to the card so far, and taken back.
    given: u16,
    taken: u16,
}

impl Queue {
    fn new(base: usize, number: u32, memory: &'static mut Memory, flags: u16) -> Self {
        for (descriptor, buffer) in memory.descriptors.iter_mut().zip(&memory.buffers) {
            let buffer = &buffer[PAD_LEN..];
            *descriptor = Descriptor { address: buffer.as_ptr() as u64, len: buffer.len() as u32, flags, next: 0 };
        }
        write(base + QUEUE_SEL, number);
        write(base + QUEUE_NUM, QUEUE_LEN as u32);
        write(base + QUEUE_DESC, addr_of!(memory.descriptors) as u32);
        write(base + QUEUE_DRIVER, addr_of!(memory.available) as u32);
        write(base + QUEUE_DEVICE, addr_of!(memory.used) as u32);
        write(base + QUEUE_READY, 1);
        Self { base, number, memory, given: 0, taken: 0 }
    }

    /// The oldest buffer that the card is done with, and how many bytes it wrote there.
    fn done(&self) -> Option<(u16, usize)> {
        // SAFETY: the memory is static; the card writes to it, hence volatile.
        let (id, len) = unsafe {
            if read_volatile(addr_of!((*self.memory).used.index)) == self.taken {
                return None;
            }
            fence(Ordering::SeqCst);
            read_volatile(addr_of!((*self.memory).used.ring[usize::from(self.taken) % QUEUE_LEN]))
        };
        Some((id as u16, len as usize))
    }

    fn give(&mut self, id: u16) {
        // SAFETY: as above; the buffer is the card's only after the index has been written.
        unsafe {
            write_volatile(addr_of_mut!((*self.memory).available.ring[usize::from(self.given) % QUEUE_LEN]), id);
            fence(Ordering::SeqCst);
            self.given = self.given.wrapping_add(1);
            write_volatile(addr_of_mut!((*self.memory).available.index), self.given);
        }
        fence(Ordering::SeqCst);
        write(self.base + QUEUE_NOTIFY, self.number);
    }

    fn set_interrupts(&mut self, on: bool) {
        // SAFETY: as above.
        unsafe { write_volatile(addr_of_mut!((*self.memory).available.flags), if on { 0 } else { NO_INTERRUPT }) };
        fence(Ordering::SeqCst);
    }

    fn set_len(&mut self, id: u16, len: usize) {
        // SAFETY: as above; the card reads the descriptor only after the buffer was given.
        unsafe { write_volatile(addr_of_mut!((*self.memory).descriptors[usize::from(id)].len), len as u32) };
    }

    /// The frame in a buffer that is not the card's.
    fn frame(&mut self, id: u16, len: usize) -> &mut [u8] {
        // SAFETY: buffer `id` was taken from the card and is not yet given back, so nobody else touches it.
        let buffers = unsafe { &mut (*self.memory).buffers };
        &mut buffers[usize::from(id)][PAD_LEN + HEADER_LEN..][..len]
    }
}

static BASE: AtomicUsize = AtomicUsize::new(0);
static WAKER: AtomicWaker = AtomicWaker::new();

/// The card's interrupt.
pub(crate) fn interrupt() {
    let base = BASE.load(Ordering::Relaxed);
    write(base + INTERRUPT_ACK, read(base + INTERRUPT_STATUS));
    WAKER.wake();
}

/// The network card.
pub struct NetworkCard {
    mac: [u8; 6],
    rx: Queue,
    tx: Queue,
    /// Buffers for sending that are not the card's: the first `free_len`.
    free: [u16; QUEUE_LEN],
    free_len: usize,
}

impl NetworkCard {
    /// The first network card of the machine, made ready; none if there is none or it was taken already.
    pub fn take() -> Option<Self> {
        static RX: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
        static TX: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
        let slot = (0..8).find(|slot| {
            let base = VIRTIO + slot * VIRTIO_STRIDE;
            read(base + MAGIC) == MAGIC_VALUE && read(base + VERSION) == 2 && read(base + DEVICE_ID) == NETWORK_CARD
        })?;
        let base = VIRTIO + slot * VIRTIO_STRIDE;
        write(base + STATUS, 0);
        write(base + STATUS, ACKNOWLEDGE | DRIVER);
        for (select, features) in FEATURES.into_iter().enumerate() {
            write(base + DRIVER_FEATURES_SEL, select as u32);
            write(base + DRIVER_FEATURES, features);
        }
        write(base + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
        let mut rx = Queue::new(base, 0, RX.try_take()?, WRITE);
        let mut tx = Queue::new(base, 1, TX.try_take()?, 0);
        BASE.store(base, Ordering::Relaxed);
        interrupts::enable(slot + 1);
        write(base + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
        tx.set_interrupts(false);
        (0..QUEUE_LEN as u16).for_each(|id| rx.give(id));
        let mac = core::array::from_fn(|index| read_byte(base + CONFIG + index));
        Some(Self { mac, rx, tx, free: core::array::from_fn(|index| index as u16), free_len: QUEUE_LEN })
    }

    /// The card's MAC address.
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn reclaim(&mut self) {
        while let Some((id, _)) = self.tx.done() {
            self.tx.taken = self.tx.taken.wrapping_add(1);
            self.free[self.free_len] = id;
            self.free_len += 1;
        }
    }

    /// Whether a frame can be sent. If not, an interrupt tells when one can.
    fn can_send(&mut self) -> bool {
        if self.free_len > 0 {
            return true;
        }
        self.reclaim();
        if self.free_len == 0 {
            self.tx.set_interrupts(true);
            // A buffer may have come back just before.
            self.reclaim();
            if self.free_len > 0 {
                self.tx.set_interrupts(false);
            }
        } else {
            self.tx.set_interrupts(false);
        }
        self.free_len > 0
    }
}

impl Driver for NetworkCard {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received<'_>, Room<'_>)> {
        let (id, len) = self.rx.done().or_else(|| {
            // A frame may have come just before the interrupt has a task to wake.
            WAKER.register(cx.waker());
            self.rx.done()
        })?;
        if !self.can_send() {
            WAKER.register(cx.waker());
            return None;
        }
        let Self { rx, tx, free, free_len, .. } = self;
        Some((Received { queue: rx, id, len }, Room { queue: tx, free, free_len }))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<Room<'_>> {
        if !self.can_send() {
            WAKER.register(cx.waker());
            // As in `receive`.
            if !self.can_send() {
                return None;
            }
        }
        Some(Room { queue: &mut self.tx, free: &self.free, free_len: &mut self.free_len })
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME_LEN;
        capabilities.max_burst_size = Some(QUEUE_LEN);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.mac)
    }
}

/// A frame that came in.
pub struct Received<'a> {
    queue: &'a mut Queue,
    id: u16,
    len: usize,
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        let result = f(self.queue.frame(self.id, self.len - HEADER_LEN));
        self.queue.taken = self.queue.taken.wrapping_add(1);
        self.queue.give(self.id);
        result
    }
}

/// Room for a frame that goes out.
pub struct Room<'a> {
    queue: &'a mut Queue,
    free: &'a [u16; QUEUE_LEN],
    free_len: &'a mut usize,
}

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        *self.free_len -= 1;
        let id = self.free[*self.free_len];
        let result = f(self.queue.frame(id, len));
        self.queue.set_len(id, HEADER_LEN + len);
        self.queue.give(id);
        result
    }
}
