//! The 1-Wire bus: resets, bytes, and the search for ROM codes (DS18B20 data sheet; Maxim's application note 187).

use crate::driver::Fault;
use crate::hardware::{Hardware, LineError, Pulse};
use crate::limits::PULSES_MAX;

/// The master holds the line low for 480 us at least.
const RESET: Pulse = Pulse { low: 480, high: 70 };
/// A slot that writes 0: 60 to 120 us low.
const WRITE_0: Pulse = Pulse { low: 60, high: 10 };
/// A slot that writes 1, or reads: 1 to 15 us low.
const READ: Pulse = Pulse { low: 6, high: 64 };
/// A slot whose low time is longer than this reads 0.
const BIT_US: u16 = 15;
/// A device answers a reset by 60 to 240 us low.
const PRESENCE_US: u16 = 40;
/// The line is idle when it is high for longer than a slot lasts, and after a reset than an answer may take.
const SLOT_IDLE_US: u16 = 200;
const RESET_IDLE_US: u16 = 600;

const MATCH_ROM: u8 = 0x55;
const SKIP_ROM: u8 = 0xcc;
const SEARCH_ROM: u8 = 0xf0;

fn fault(error: LineError) -> Fault {
    match error {
        LineError::Held => Fault::Short,
        LineError::Failed => Fault::Hardware,
    }
}

/// A 1-Wire bus at a pin.
pub(crate) struct OneWire<'h, H> {
    hardware: &'h H,
    pin: u8,
}

impl<'h, H: Hardware> OneWire<'h, H> {
    pub(crate) const fn new(hardware: &'h H, pin: u8) -> Self {
        Self { hardware, pin }
    }

    async fn exchange(&self, send: &[Pulse], heard: &mut [Pulse], idle_us: u16) -> Result<usize, Fault> {
        self.hardware.exchange(self.pin, send, heard, idle_us).await.map_err(fault)
    }

    /// Resets all devices. Somebody is there, or there is a fault.
    async fn reset(&self) -> Result<(), Fault> {
        let mut heard = [Pulse::default(); 4];
        let len = self.exchange(&[RESET], &mut heard, RESET_IDLE_US).await?;
        // The master's own pulse, and an answer.
        let [_, answer, ..] = heard;
        if len >= 2 && answer.low >= PRESENCE_US { Ok(()) } else { Err(Fault::NoAnswer) }
    }

    /// A slot for each bit; gives what was read in them, the first bit lowest.
    async fn slots<const N: usize>(&self, bits: [bool; N]) -> Result<u8, Fault> {
        let send = bits.map(|bit| if bit { READ } else { WRITE_0 });
        let mut heard = [Pulse::default(); PULSES_MAX];
        let len = self.exchange(&send, &mut heard, SLOT_IDLE_US).await?;
        if len < N {
            return Err(Fault::NoAnswer);
        }
        Ok(heard.iter().take(N).rev().fold(0, |byte, pulse| byte << 1 | u8::from(pulse.low < BIT_US)))
    }

    async fn byte(&self, out: u8) -> Result<u8, Fault> {
        self.slots(core::array::from_fn::<bool, 8, _>(|bit| out >> bit & 1 == 1)).await
    }

    /// Resets the bus and sends a command to one device; a ROM code of 0 is whichever is there.
    pub(crate) async fn command(&self, rom: u64, command: u8) -> Result<(), Fault> {
        self.reset().await?;
        if rom == 0 {
            self.byte(SKIP_ROM).await?;
        } else {
            self.byte(MATCH_ROM).await?;
            for byte in rom.to_be_bytes() {
                self.byte(byte).await?;
            }
        }
        self.byte(command).await?;
        Ok(())
    }

    pub(crate) async fn read<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte(0xff).await?;
        }
        Ok(bytes)
    }

    /// Finds a ROM code. `search` is where it branches, and what it took there; it is changed to where the next search
    /// branches.
    ///
    /// Bit by bit all devices that are left send their bit and its complement, and the master sends which go on. Where
    /// both bits are there it takes the 0 first, so that each search ends at another device.
    pub(crate) async fn search(&self, search: &mut Search) -> Result<u64, Fault> {
        self.reset().await?;
        self.byte(SEARCH_ROM).await?;
        let (mut code, mut last_zero) = (0_u64, None);
        for place in 0..u64::BITS {
            // Bytes come in order, each with its lowest bit first.
            let shift = 56 - place / 8 * 8 + place % 8;
            let bit = match self.slots([true, true]).await? {
                0 => {
                    let bit = match search.branch {
                        Some(branch) if place < branch => search.code >> shift & 1 == 1,
                        branch => branch == Some(place),
                    };
                    if !bit {
                        last_zero = Some(place);
                    }
                    bit
                }
                bits @ (1 | 2) => bits == 1,
                // Nobody is left: whoever was there was pulled out.
                _ => return Err(Fault::NoAnswer),
            };
            self.slots([bit]).await?;
            code |= u64::from(bit) << shift;
        }
        *search = Search { code, branch: last_zero };
        let is_whole = code != 0 && crate::crc::one_wire(&code.to_be_bytes()) == 0;
        if is_whole { Ok(code) } else { Err(Fault::Checksum) }
    }
}

/// Where a search for ROM codes is.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The ROM code that was found last.
    code: u64,
    /// The last place on the wire where it took 0 and there is a 1 too; None before the first search, and after the
    /// last.
    pub(crate) branch: Option<u32>,
}
