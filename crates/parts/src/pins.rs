//! Pins that are inputs and outputs by themselves.

use alloc::collections::BTreeMap;

use sockeye_wiring::edge_counter::EdgeCounter;
use sockeye_wiring::hardware::{Drive, PinError, PinMode, Pull};

/// The state of a pin: its mode, and the level or pulses that it drives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PinState {
    /// The pin floats.
    #[default]
    Free,
    /// The pin is an input or a counter.
    Input,
    /// The pin drives a level; a high level on an open drain floats.
    Output {
        /// The level.
        is_high: bool,
    },
    /// The pin has pulses.
    Pwm {
        /// Pulses a second.
        frequency_hz: u32,
        /// How much of the time the level is high, in parts of 65,536.
        duty: u16,
    },
}

#[derive(Default)]
struct Pin {
    mode: Option<PinMode>,
    state: PinState,
    millivolts: Option<u16>,
    outside: Option<bool>,
    counter: Option<EdgeCounter>,
    strip: Option<([u8; 3], u16)>,
}

pub struct Pins {
    pins: BTreeMap<u8, Pin>,
    pub pwm_channels: usize,
}

impl Default for Pins {
    fn default() -> Self {
        Self { pins: BTreeMap::new(), pwm_channels: 6 }
    }
}

impl Pins {
    fn pin(&mut self, pin: u8) -> &mut Pin {
        self.pins.entry(pin).or_default()
    }

    /// A bus must not use a pin that something else was set up at.
    pub fn assert_free(&self, pin: u8) {
        assert!(self.pins.get(&pin).is_none_or(|pin| pin.mode.is_none()), "pin {pin} is set up for something else");
    }

    pub fn set_millivolts(&mut self, pin: u8, millivolts: Option<u16>) {
        self.pin(pin).millivolts = millivolts;
    }

    pub fn millivolts(&self, pin: u8) -> Option<u16> {
        self.pins.get(&pin)?.millivolts
    }

    pub fn set_level(&mut self, pin: u8, level: Option<bool>, now_ms: u64) {
        let was = self.level(pin);
        self.pin(pin).outside = level;
        let is_high = self.level(pin);
        if was != is_high {
            self.edge(pin, is_high, now_ms);
        }
    }

    /// So many pulses to low, of no length.
    pub fn add_edges(&mut self, pin: u8, edges: u32, now_ms: u64) {
        for _ in 0..edges {
            self.edge(pin, false, now_ms);
            self.edge(pin, true, now_ms);
        }
    }

    /// The interrupt of a chip.
    fn edge(&mut self, pin: u8, is_high: bool, now_ms: u64) {
        let counter = &mut self.pin(pin).counter;
        if let Some(counter) = counter.as_mut().filter(|counter| !is_high || counter.takes_rising_edges()) {
            counter.edge(is_high, now_ms);
        }
    }

    pub fn state(&self, pin: u8) -> PinState {
        self.pins.get(&pin).map(|pin| pin.state).unwrap_or_default()
    }

    pub fn strip(&self, pin: u8) -> Option<([u8; 3], u16)> {
        self.pins.get(&pin)?.strip
    }

    pub fn send(&mut self, pin: u8, bytes: [u8; 3], len: u16) -> Result<(), PinError> {
        self.assert_free(pin);
        self.pin(pin).strip = Some((bytes, len));
        Ok(())
    }

    pub fn set_up(&mut self, pin: u8, mode: PinMode, now_ms: u64) -> Result<(), PinError> {
        self.assert_free(pin);
        let state = match mode {
            PinMode::Input(_) | PinMode::Counter { .. } => PinState::Input,
            PinMode::Output { is_high, .. } => PinState::Output { is_high },
            PinMode::Pwm { frequency_hz, duty } => {
                let used = self.pins.values().filter(|pin| matches!(pin.mode, Some(PinMode::Pwm { .. }))).count();
                if used >= self.pwm_channels {
                    return Err(PinError);
                }
                PinState::Pwm { frequency_hz, duty }
            }
        };
        let place = self.pin(pin);
        (place.mode, place.state) = (Some(mode), state);
        let is_high = self.level(pin);
        self.pin(pin).counter = match mode {
            PinMode::Counter { debounce_ms, .. } => Some(EdgeCounter::new(debounce_ms, is_high, now_ms)),
            _ => None,
        };
        Ok(())
    }

    pub fn release(&mut self, pin: u8) {
        let pin = self.pin(pin);
        (pin.mode, pin.state) = (None, PinState::Free);
    }

    pub fn power_off(&mut self) {
        for pin in self.pins.values_mut() {
            (pin.mode, pin.state) = (None, PinState::Free);
        }
    }

    pub fn level(&self, pin: u8) -> bool {
        let Some(pin) = self.pins.get(&pin) else { return false };
        let is_pulled_up = matches!(pin.mode, Some(PinMode::Input(Pull::Up) | PinMode::Counter { pull: Pull::Up, .. }));
        pin.outside.unwrap_or(is_pulled_up)
    }

    pub fn count(&self, pin: u8) -> u32 {
        self.pins.get(&pin).and_then(|pin| pin.counter).map_or(0, |counter| counter.count())
    }

    pub fn drive(&mut self, pin: u8, drive: Drive) -> Result<(), PinError> {
        match (&mut self.pin(pin).state, drive) {
            (PinState::Output { is_high }, Drive::Level(level)) => *is_high = level,
            (PinState::Pwm { duty, .. }, Drive::Duty(parts)) => *duty = parts,
            _ => return Err(PinError),
        }
        Ok(())
    }
}
