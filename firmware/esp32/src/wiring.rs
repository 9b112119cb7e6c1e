//! The chip's pins and buses as the drivers in `sockeye-wiring` see them. No test here runs it.
//!
//! Pins are asked for by number, and only those that [`BOARD`] leaves free: nobody else has them. Buses and the
//! converter take their pins for each transfer, and leave them floating. A mode that is set up keeps its pin until it
//! is released.
//!
//! - `i2c.rs`: I2C; `rmt.rs`: 1-Wire, DHT and WS2812 by the RMT; `analog.rs`: the converter.
//! - `pwm.rs`: pulses that go out, by the LEDC; `counter.rs`: edges that come in, by the pins' interrupt.

mod analog;
mod counter;
mod i2c;
mod pwm;
mod rmt;

use core::cell::RefCell;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use esp_hal::gpio::{AnyPin, DriveMode, Flex, Input, InputConfig, Level, Output, OutputConfig, Pull};
use esp_hal::i2c::master::AnyI2c;
use esp_hal::peripherals::{ADC1, I2C0, IO_MUX, LEDC, RMT};
use heapless::Vec;
use sockeye_wiring::hardware::{self, Drive, LineError, PinError, PinMode, Pulse, Range};
use sockeye_wiring::limits::THINGS_MAX;

pub use analog::is_calibrated;

use crate::boards::BOARD;
use pwm::Pwm;

/// The mode that a pin is set up for.
enum Wired {
    Input(Input<'static>),
    Output(Output<'static>),
    Counter,
    Pwm,
}

/// The pins and buses.
pub struct Pins {
    i2c: Mutex<NoopRawMutex, AnyI2c<'static>>,
    rmt: Mutex<NoopRawMutex, RMT<'static>>,
    adc: RefCell<ADC1<'static>>,
    pwm: RefCell<Pwm>,
    wired: RefCell<Vec<(u8, Wired), THINGS_MAX>>,
}

impl Pins {
    /// Nothing is set up. To be called once.
    pub fn new(
        i2c: I2C0<'static>,
        rmt: RMT<'static>,
        adc: ADC1<'static>,
        ledc: LEDC<'static>,
        io_mux: IO_MUX<'static>,
    ) -> Self {
        counter::start(io_mux);
        Self {
            i2c: Mutex::new(i2c.into()),
            rmt: Mutex::new(rmt),
            adc: RefCell::new(adc),
            pwm: RefCell::new(Pwm::new(ledc)),
            wired: RefCell::default(),
        }
    }

    fn find<R>(&self, pin: u8, work: impl FnOnce(&mut Wired) -> Option<R>) -> Option<R> {
        self.wired.borrow_mut().iter_mut().find(|(known, _)| *known == pin).and_then(|(_, wired)| work(wired))
    }
}

/// A pin that [`BOARD`] leaves free.
fn free(pin: u8) -> Result<AnyPin<'static>, PinError> {
    if !BOARD.chip.has(pin) || BOARD.user(pin).is_some() {
        return Err(PinError);
    }
    // SAFETY: the pins that `BOARD` leaves free are given to nobody else. A plan gives each of them to one thing, or to
    // one bus.
    #[expect(unsafe_code, reason = "drivers swallow a pin, and never give it back")]
    Ok(unsafe { AnyPin::steal(pin) })
}

/// The same for what drives the pin: esp-hal panics if it can't.
fn free_output(pin: u8) -> Result<AnyPin<'static>, PinError> {
    if sockeye_wiring::chip::Chip::is_in(BOARD.chip.inputs_only, pin) { Err(PinError) } else { free(pin) }
}

/// A pin as the line of an open-drain bus, with the chip's weak pull-up beside the one outside.
fn open_drain(pin: AnyPin<'static>) -> Flex<'static> {
    let mut pin = Flex::new(pin);
    // High first: no pulse while it is made an output.
    pin.set_high();
    pin.apply_output_config(&OutputConfig::default().with_drive_mode(DriveMode::OpenDrain).with_pull(Pull::Up));
    pin.apply_input_config(&InputConfig::default().with_pull(Pull::Up));
    pin.set_input_enable(true);
    pin.set_output_enable(true);
    pin
}

fn input(pull: hardware::Pull) -> InputConfig {
    InputConfig::default().with_pull(match pull {
        hardware::Pull::None => Pull::None,
        hardware::Pull::Up => Pull::Up,
        hardware::Pull::Down => Pull::Down,
    })
}

impl sockeye_wiring::Hardware for Pins {
    type I2c<'h> = i2c::Bus<'h>;

    fn i2c(&self, sda: u8, scl: u8) -> i2c::Bus<'_> {
        i2c::Bus { i2c: &self.i2c, sda, scl }
    }

    async fn exchange(&self, pin: u8, send: &[Pulse], heard: &mut [Pulse], idle_us: u16) -> Result<usize, LineError> {
        let mut rmt = self.rmt.lock().await;
        let line = open_drain(free_output(pin).map_err(|PinError| LineError::Failed)?);
        rmt::exchange(rmt.reborrow(), line, send, heard, idle_us).await
    }

    async fn pixels(&self, pin: u8, bytes: [u8; 3], len: u16) -> Result<(), PinError> {
        let mut rmt = self.rmt.lock().await;
        rmt::pixels(rmt.reborrow(), free_output(pin)?, bytes, len).await
    }

    fn millivolts(&self, pin: u8, range: Range) -> Option<u16> {
        analog::millivolts(self.adc.borrow_mut().reborrow(), free(pin).ok()?, range)
    }

    fn set_up(&self, pin: u8, mode: PinMode) -> Result<(), PinError> {
        self.release(pin);
        let wired = match mode {
            PinMode::Input(pull) => Wired::Input(Input::new(free(pin)?, input(pull))),
            PinMode::Counter { pull, debounce_ms } => {
                counter::begin(pin, Input::new(free(pin)?, input(pull)), debounce_ms)?;
                Wired::Counter
            }
            PinMode::Output { is_open_drain, is_high } => {
                let drive = if is_open_drain { DriveMode::OpenDrain } else { DriveMode::PushPull };
                let config = OutputConfig::default().with_drive_mode(drive);
                Wired::Output(Output::new(free_output(pin)?, Level::from(is_high), config))
            }
            PinMode::Pwm { frequency_hz, duty } => {
                self.pwm.borrow_mut().set_up(pin, free_output(pin)?, frequency_hz, duty)?;
                Wired::Pwm
            }
        };
        self.wired.borrow_mut().push((pin, wired)).map_err(|_| PinError)
    }

    fn release(&self, pin: u8) {
        self.wired.borrow_mut().retain(|(known, _)| *known != pin);
        counter::end(pin);
        self.pwm.borrow_mut().release(pin);
        // Takes the pin from its peripheral, and switches the pin's driver and input off.
        if let Ok(pin) = free(pin) {
            let mut pin = Flex::new(pin);
            pin.unlisten();
            pin.clear_interrupt();
            pin.apply_output_config(&OutputConfig::default());
            pin.apply_input_config(&InputConfig::default());
        }
    }

    fn level(&self, pin: u8) -> bool {
        self.find(pin, |wired| if let Wired::Input(input) = wired { Some(input.is_high()) } else { None }) == Some(true)
    }

    fn count(&self, pin: u8) -> u32 {
        counter::count(pin)
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), PinError> {
        let driven = self.find(pin, |wired| match (wired, drive) {
            (Wired::Output(output), Drive::Level(is_high)) => {
                output.set_level(Level::from(is_high));
                Some(())
            }
            (Wired::Pwm, Drive::Duty(duty)) => self.pwm.borrow().drive(pin, duty),
            _ => None,
        });
        driven.ok_or(PinError)
    }
}
