//! A board with parts on its pins.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::pending;

use embedded_hal::i2c::{Error, ErrorKind, ErrorType, NoAcknowledgeSource, Operation};
use embedded_hal_async::i2c::I2c;
use sockeye_wiring::Hardware;
use sockeye_wiring::hardware::{Drive, LineError, PinError, PinMode, Pulse, Range};

use crate::part::{Condition, I2cPart, Moment, OneWirePart, Part, PulsePart};
use crate::pins::{PinState, Pins};

/// A reset of a 1-Wire bus holds the line low for so long.
const RESET_US: u16 = 480;
/// How long a device answers a reset.
const PRESENCE: Pulse = Pulse { low: 120, high: 400 };

/// Where the converter's low range ends, as an ESP32-C3's.
const LOW_RANGE_END_MV: u16 = 1_050;

/// A part, and how it is.
struct Socket<P: ?Sized> {
    part: Rc<RefCell<P>>,
    condition: Rc<Cell<Condition>>,
    /// Set if the part was pulled out at the last look.
    was_unplugged: Cell<bool>,
}

impl<P: Part + ?Sized> Socket<P> {
    /// The part's condition now; one that was plugged in meanwhile has just got power.
    fn condition(&self) -> Condition {
        let condition = self.condition.get();
        let is_unplugged = condition == Condition::Unplugged;
        if self.was_unplugged.replace(is_unplugged) && !is_unplugged {
            self.part.borrow_mut().power_on();
        }
        condition
    }
}

/// A part on the bench: how it is can be changed, and what it measures.
pub struct Plug<P> {
    part: Rc<RefCell<P>>,
    condition: Rc<Cell<Condition>>,
}

impl<P: Part> Plug<P> {
    fn new(part: P) -> Self {
        Self { part: Rc::new(RefCell::new(part)), condition: Rc::default() }
    }

    /// Changes how the part is.
    pub fn set(&self, condition: Condition) {
        // A part that is pulled out and plugged in again between two transfers has lost its power all the same.
        if self.condition.replace(condition) == Condition::Unplugged {
            self.part.borrow_mut().power_on();
        }
    }

    /// Changes what the part measures.
    pub fn with<R>(&self, change: impl FnOnce(&mut P) -> R) -> R {
        change(&mut self.part.borrow_mut())
    }
}

/// Parts, each at its pins.
type Sockets<At, P> = RefCell<Vec<(At, Socket<P>)>>;

/// A board with parts on its pins. Pins are numbers; any pin can do anything.
pub struct Bench {
    now_us: Box<dyn Fn() -> u64>,
    i2c: Sockets<(u8, u8), dyn I2cPart>,
    one_wire: Sockets<u8, dyn OneWirePart>,
    pulses: Sockets<u8, dyn PulsePart>,
    pins: RefCell<Pins>,
}

impl Bench {
    /// A board with nothing on its pins. `now_us` is the time since any moment, microseconds.
    pub fn new(now_us: impl Fn() -> u64 + 'static) -> Self {
        Self {
            now_us: Box::new(now_us),
            i2c: RefCell::default(),
            one_wire: RefCell::default(),
            pulses: RefCell::default(),
            pins: RefCell::default(),
        }
    }

    /// Connects a device to the I2C bus at two pins.
    pub fn i2c_part<P: I2cPart + 'static>(&self, (sda, scl): (u8, u8), part: P) -> Plug<P> {
        let plug = Plug::new(part);
        self.i2c.borrow_mut().push(((sda, scl), socket(plug.part.clone(), &plug.condition)));
        plug
    }

    /// Connects a device to the 1-Wire bus at a pin.
    pub fn one_wire_part<P: OneWirePart + 'static>(&self, pin: u8, part: P) -> Plug<P> {
        let plug = Plug::new(part);
        self.one_wire.borrow_mut().push((pin, socket(plug.part.clone(), &plug.condition)));
        plug
    }

    /// Connects a sensor that answers in pulses to a pin.
    pub fn pulse_part<P: PulsePart + 'static>(&self, pin: u8, part: P) -> Plug<P> {
        let plug = Plug::new(part);
        self.pulses.borrow_mut().push((pin, socket(plug.part.clone(), &plug.condition)));
        plug
    }

    /// Puts a voltage at a pin; None makes the converter fail there.
    pub fn set_millivolts(&self, pin: u8, millivolts: Option<u16>) {
        self.pins.borrow_mut().set_millivolts(pin, millivolts);
    }

    /// Drives a pin from outside; None leaves it to the pull-up or pull-down.
    pub fn set_level(&self, pin: u8, level: Option<bool>) {
        self.pins.borrow_mut().set_level(pin, level, self.now_ms());
    }

    /// Falling edges come in at a pin.
    pub fn add_edges(&self, pin: u8, edges: u32) {
        self.pins.borrow_mut().add_edges(pin, edges, self.now_ms());
    }

    /// How many pins can be pulses that go out at once, from now on.
    pub fn set_pwm_channels(&self, channels: usize) {
        self.pins.borrow_mut().pwm_channels = channels;
    }

    /// The state of a pin: its mode, and the level or pulses that it drives.
    pub fn pin(&self, pin: u8) -> PinState {
        self.pins.borrow().state(pin)
    }

    /// The last bytes of a strip of WS2812 at a pin: three bytes, for so many lights.
    pub fn strip(&self, pin: u8) -> Option<([u8; 3], u16)> {
        self.pins.borrow().strip(pin)
    }

    /// The chip has lost its power: all pins float, and are set up for nothing.
    pub fn power_off(&self) {
        self.pins.borrow_mut().power_off();
    }

    fn now_ms(&self) -> u64 {
        (self.now_us)() / 1_000
    }

    fn moment(&self, condition: Condition) -> Moment {
        Moment { now_us: (self.now_us)(), is_slow: condition == Condition::Slow }
    }
}

fn socket<P: Part + ?Sized>(part: Rc<RefCell<P>>, condition: &Rc<Cell<Condition>>) -> Socket<P> {
    Socket { part, condition: condition.clone(), was_unplugged: Cell::new(false) }
}

/// The pulses that a chip's RMT records. Its receiver stops once the line has had one level, low or high, for longer
/// than `idle_us` (ESP-IDF, `rmt_set_rx_idle_thresh`). That level is recorded as 0.
fn until_idle(pulses: Vec<Pulse>, idle_us: u16) -> Vec<Pulse> {
    let mut heard = Vec::new();
    for pulse in pulses {
        let [low, high] = [pulse.low, pulse.high].map(|us| if us > idle_us { 0 } else { us });
        if low == 0 {
            break;
        }
        heard.push(Pulse { low, high });
        if high == 0 {
            break;
        }
    }
    heard
}

/// Why a transfer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusError(ErrorKind);

impl BusError {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(kind)
    }
}

impl Error for BusError {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

/// The I2C bus at two pins.
pub struct Bus<'b> {
    bench: &'b Bench,
    pins: (u8, u8),
}

impl ErrorType for Bus<'_> {
    type Error = BusError;
}

impl I2c for Bus<'_> {
    async fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), BusError> {
        if self.is_any(Condition::Hangs) {
            pending::<()>().await;
        }
        if self.is_any(Condition::Short) {
            return Err(BusError(ErrorKind::Bus));
        }
        let sockets = self.bench.i2c.borrow();
        let sockets = sockets.iter().filter(|(pins, _)| *pins == self.pins).map(|(_, socket)| socket);
        let mut present = sockets.filter(|socket| socket.condition() != Condition::Unplugged);
        let nobody = BusError(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        let found = present.find(|socket| socket.part.borrow().address() == address);
        let socket = found.ok_or(nobody)?;
        let condition = socket.condition();
        let moment = self.bench.moment(condition);
        let mut part = socket.part.borrow_mut();
        for operation in operations {
            match operation {
                Operation::Write(bytes) if !part.write(bytes, moment) => {
                    return Err(BusError(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data)));
                }
                Operation::Write(_) => {}
                Operation::Read(bytes) => {
                    if !part.read(bytes, moment) {
                        return Err(nobody);
                    }
                    if let (Condition::Corrupts, Some(byte)) = (condition, bytes.first_mut()) {
                        *byte ^= 0x10;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Bus<'_> {
    fn is_any(&self, condition: Condition) -> bool {
        let sockets = self.bench.i2c.borrow();
        sockets.iter().any(|(pins, socket)| *pins == self.pins && socket.condition() == condition)
    }
}

impl Hardware for Bench {
    type I2c<'h> = Bus<'h>;

    fn i2c(&self, sda: u8, scl: u8) -> Bus<'_> {
        self.pins.borrow().assert_free(sda);
        self.pins.borrow().assert_free(scl);
        Bus { bench: self, pins: (sda, scl) }
    }

    async fn exchange(&self, pin: u8, send: &[Pulse], heard: &mut [Pulse], idle_us: u16) -> Result<usize, LineError> {
        self.pins.borrow().assert_free(pin);
        let (heard_len, condition) = (heard.len(), self.line_condition(pin));
        match condition {
            Some(Condition::Hangs) => pending().await,
            Some(Condition::Short) => return Err(LineError::Held),
            _ => {}
        }
        let answer = self.one_wire_answer(pin, send).or_else(|| self.pulse_answer(pin, send));
        // Nobody there: the master hears itself.
        let answer = until_idle(answer.unwrap_or_else(|| send.to_vec()), idle_us);
        if answer.len() > heard_len {
            return Err(LineError::Failed);
        }
        heard.iter_mut().zip(&answer).for_each(|(heard, pulse)| *heard = *pulse);
        Ok(answer.len())
    }

    async fn pixels(&self, pin: u8, bytes: [u8; 3], len: u16) -> Result<(), PinError> {
        self.pins.borrow_mut().send(pin, bytes, len)
    }

    fn millivolts(&self, pin: u8, range: Range) -> Option<u16> {
        self.pins.borrow().assert_free(pin);
        let millivolts = self.pins.borrow().millivolts(pin)?;
        Some(if range == Range::Low { millivolts.min(LOW_RANGE_END_MV) } else { millivolts })
    }

    fn set_up(&self, pin: u8, mode: PinMode) -> Result<(), PinError> {
        self.pins.borrow_mut().set_up(pin, mode, self.now_ms())
    }

    fn release(&self, pin: u8) {
        self.pins.borrow_mut().release(pin);
    }

    fn level(&self, pin: u8) -> bool {
        self.pins.borrow().level(pin)
    }

    fn count(&self, pin: u8) -> u32 {
        self.pins.borrow().count(pin)
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), PinError> {
        self.pins.borrow_mut().drive(pin, drive)
    }
}

impl Bench {
    /// The condition that holds for a whole line: that of the first part on it that has one.
    fn line_condition(&self, pin: u8) -> Option<Condition> {
        let (one_wire, pulses) = (self.one_wire.borrow(), self.pulses.borrow());
        let one_wire = one_wire.iter().filter(|(at, _)| *at == pin).map(|(_, socket)| socket.condition());
        let pulses = pulses.iter().filter(|(at, _)| *at == pin).map(|(_, socket)| socket.condition());
        one_wire.chain(pulses).find(|condition| matches!(condition, Condition::Hangs | Condition::Short))
    }

    fn one_wire_answer(&self, pin: u8, send: &[Pulse]) -> Option<Vec<Pulse>> {
        let sockets = self.one_wire.borrow();
        let on_line = || sockets.iter().filter(|(at, _)| *at == pin).map(|(_, socket)| socket);
        let present = || on_line().filter(|socket| socket.condition() != Condition::Unplugged);
        present().next()?;
        let mut heard = Vec::new();
        for pulse in send {
            if pulse.low >= RESET_US {
                present().for_each(|socket| socket.part.borrow_mut().reset());
                heard.extend([Pulse { low: pulse.low, high: 30 }, PRESENCE]);
                continue;
            }
            let lows = present().map(|socket| {
                let mut part = socket.part.borrow_mut();
                part.corrupt(socket.condition() == Condition::Corrupts);
                part.slot(pulse.low, self.moment(socket.condition()))
            });
            // The longest low on the line counts.
            let low = lows.fold(pulse.low, u16::max);
            heard.push(Pulse { low, high: pulse.high });
        }
        Some(heard)
    }

    fn pulse_answer(&self, pin: u8, send: &[Pulse]) -> Option<Vec<Pulse>> {
        let sockets = self.pulses.borrow();
        let mut on_line = sockets.iter().filter(|(at, _)| *at == pin).map(|(_, socket)| socket);
        let socket = on_line.find(|socket| socket.condition() != Condition::Unplugged)?;
        let start = send.first()?;
        let condition = socket.condition();
        let mut answer = socket.part.borrow_mut().start(start.low, self.moment(condition));
        if let (Condition::Corrupts, Some(pulse)) = (condition, answer.get_mut(10)) {
            pulse.high = if pulse.high > 48 { 26 } else { 70 };
        }
        let mut heard = vec![Pulse { low: start.low, high: 30 }];
        heard.append(&mut answer);
        Some(heard)
    }
}
