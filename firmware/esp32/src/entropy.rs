//! Random numbers that can't be guessed, drawn once at start.

use esp_hal::peripherals::{ADC1, RNG};
use esp_hal::rng::{Trng, TrngSource};
use sockeye_boot::Passphrase;
use sockeye_tcp::limits::INTERFACES_MAX;

/// The random numbers of one start.
pub struct Entropy {
    /// The secret of TCP's sequence numbers and ports.
    pub isn_key: [u8; 16],
    /// Seeds of DHCP's transactions and all else that embassy-net draws. The numbers that embassy-net sends reveal
    /// nothing about the other random numbers.
    pub net_seeds: [u64; INTERFACES_MAX],
    /// A passphrase that nobody has.
    pub passphrase: Passphrase,
}

impl Entropy {
    /// Draws the numbers. To be called before the radio starts. Without the radio the generator's only noise is that of
    /// the converter, which is on during this call.
    pub fn draw(rng: RNG<'_>, adc: ADC1<'_>) -> Self {
        let _noise = TrngSource::new(rng, adc);
        let random = Trng::try_new().expect("the noise is on");
        let seed = || (u64::from(random.random()) << 32) | u64::from(random.random());
        let passphrase = Passphrase::from_random(&core::array::from_fn(|_| random.random()));
        let isn_key = core::array::from_fn(|_| random.random() as u8);
        Self { isn_key, net_seeds: core::array::from_fn(|_| seed()), passphrase }
    }
}
