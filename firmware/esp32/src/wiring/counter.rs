//! Falling edges that come in, by the interrupt that all pins share. The ESP32-C3 has no counter of pulses, and what the
//! others have overflows after 32,767.

use core::cell::RefCell;

use critical_section::Mutex;
use embassy_time::Instant;
use esp_hal::gpio::{Event, Input, Io};
use esp_hal::peripherals::IO_MUX;
use heapless::Vec;
use sockeye_wiring::edge_counter::EdgeCounter;
use sockeye_wiring::hardware::PinError;
use sockeye_wiring::limits::COUNTERS_MAX;

/// A pin whose edges are counted.
struct Counter {
    pin: u8,
    input: Input<'static>,
    edges: EdgeCounter,
}

static COUNTERS: Mutex<RefCell<Vec<Counter, COUNTERS_MAX>>> = Mutex::new(RefCell::new(Vec::new()));

fn with<R>(work: impl FnOnce(&mut Vec<Counter, COUNTERS_MAX>) -> R) -> R {
    critical_section::with(|cs| work(&mut COUNTERS.borrow_ref_mut(cs)))
}

/// Has the interrupt count. To be called once.
pub fn start(io_mux: IO_MUX<'static>) {
    Io::new(io_mux).set_interrupt_handler(interrupt);
}

#[esp_hal::handler]
fn interrupt() {
    with(|counters| {
        for counter in counters.iter_mut().filter(|counter| counter.input.is_interrupt_set()) {
            counter.input.clear_interrupt();
            // A flow sensor sends thousands of edges a second. Without a debounce time nothing asks for the time.
            let now_ms = if counter.edges.takes_rising_edges() { Instant::now().as_millis() } else { 0 };
            counter.edges.edge(counter.input.is_high(), now_ms);
        }
    });
}

/// Counts from 0. An edge of a pin that is not in the list would interrupt for ever.
pub fn begin(pin: u8, input: Input<'static>, debounce_ms: u16) -> Result<(), PinError> {
    with(|counters| {
        let edges = EdgeCounter::new(debounce_ms, input.is_high(), Instant::now().as_millis());
        counters.push(Counter { pin, input, edges }).map_err(|_| PinError)?;
        let counter = counters.last_mut().ok_or(PinError)?;
        counter.input.clear_interrupt();
        let takes_rising = counter.edges.takes_rising_edges();
        counter.input.listen(if takes_rising { Event::AnyEdge } else { Event::FallingEdge });
        Ok(())
    })
}

/// Counts no more.
pub fn end(pin: u8) {
    with(|counters| {
        for counter in counters.iter_mut().filter(|counter| counter.pin == pin) {
            counter.input.unlisten();
            counter.input.clear_interrupt();
        }
        counters.retain(|counter| counter.pin != pin);
    });
}

/// Edges since [`begin`]; 0 for a pin that isn't counted.
pub fn count(pin: u8) -> u32 {
    with(|counters| counters.iter().find(|counter| counter.pin == pin).map_or(0, |counter| counter.edges.count()))
}
