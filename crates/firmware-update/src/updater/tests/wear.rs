//! A client that may update, and does nothing but have sectors erased.

use super::*;

const IMAGE_SIZE: usize = 9_008;
/// A restart of a device that nothing else holds up takes no less.
const RESTART_MS: u64 = 3_000;
/// A client that waits for a reply sends no more requests than one in this time.
const REQUEST_MS: u64 = 500;

/// A device and the time: all of it, and that since boot.
struct Bench {
    device: Device,
    updater: Updater<Flash>,
    total_ms: u64,
    now_ms: u64,
}

impl Bench {
    fn new() -> Self {
        let device = Device::new(&image(1, 6_000), 1);
        let (updater, _) = device.boot().unwrap();
        Self { device, updater, total_ms: 0, now_ms: 0 }
    }

    fn pass(&mut self, ms: u64) {
        (self.total_ms, self.now_ms) = (self.total_ms + ms, self.now_ms + ms);
    }

    fn restart(&mut self) {
        self.pass(RESTART_MS);
        (self.updater, _) = self.device.boot().unwrap();
        self.now_ms = 0;
    }

    fn begin(&mut self, image: &[u8], is_anew: bool) -> Result<u32, UpdateError> {
        self.pass(REQUEST_MS);
        complete(&self.device.flash, self.updater.begin(signed(image), is_anew, self.now_ms)).unwrap()
    }

    fn write(&mut self, image: &[u8], from: u32, to: u32) {
        for offset in (from..to).step_by(CHUNK_LEN_MAX) {
            self.pass(REQUEST_MS);
            let data = &image[offset as usize..image.len().min(offset as usize + CHUNK_LEN_MAX)];
            let _ = complete(&self.device.flash, self.updater.write(offset, data)).unwrap();
        }
    }

    fn try_image(&mut self) -> Result<(), UpdateError> {
        self.pass(REQUEST_MS);
        complete(&self.device.flash, self.updater.try_image(CONFIRM_S, self.now_ms)).unwrap()
    }

    fn abort(&mut self) -> Result<bool, UpdateError> {
        self.pass(REQUEST_MS);
        complete(&self.device.flash, self.updater.abort()).unwrap()
    }
}

type Attack = (&'static str, fn(&mut Bench, &[Vec<u8>; 2]));

const ATTACKS: [Attack; 8] = [
    ("an image is begun anew", |bench, [one, _]| {
        let _ = bench.begin(one, true);
    }),
    ("two images take turns", |bench, [one, other]| {
        let _ = (bench.begin(one, false), bench.begin(other, false));
    }),
    ("an image is begun and aborted", |bench, [one, _]| {
        let _ = (bench.begin(one, false), bench.abort());
    }),
    ("an image is begun anew after each restart", |bench, [one, _]| {
        let _ = bench.begin(one, true);
        bench.restart();
    }),
    ("the first sector is sent after each restart", |bench, [one, _]| {
        let _ = bench.begin(one, false).map(|next| bench.write(one, next, next + 1));
        bench.restart();
    }),
    ("the first bytes change after each restart", |bench, [one, other]| {
        let _ = bench.begin(one, false).map(|_| bench.write(other, 0, 1));
        bench.restart();
        let _ = bench.begin(one, false).map(|_| bench.write(one, 0, 1));
        bench.restart();
    }),
    ("an image is tried and not confirmed", |bench, [one, _]| {
        let _ = bench.begin(one, false).map(|next| bench.write(one, next, IMAGE_SIZE as u32));
        let _ = bench.try_image();
        bench.restart();
        if bench.updater.status().state == UpdateState::Trial {
            bench.restart();
        }
    }),
    ("an image is tried, and aborted before the restart", |bench, [one, _]| {
        let _ = bench.begin(one, false).map(|next| bench.write(one, next, IMAGE_SIZE as u32));
        let _ = (bench.try_image(), bench.abort());
    }),
];

#[test]
fn no_client_wears_out_a_sector() {
    let images = [2, 3].map(|number| image(number, IMAGE_SIZE));
    for (what, attack) in ATTACKS {
        let mut bench = Bench::new();
        while bench.total_ms < 20 * STEP_MS {
            attack(&mut bench, &images);
        }
        let (erases, steps) = (bench.device.flash.erases_max(), bench.total_ms / STEP_MS + u64::from(STEPS_MAX));
        assert!(u64::from(erases) <= 2 * steps, "{what}: {erases} erases in {steps} steps");
        assert!(erases > 0, "{what}");
    }
}

#[test]
fn a_sender_that_waits_as_it_is_told_gets_its_image_through() {
    let [spent, new] = [2, 3].map(|number| image(number, IMAGE_SIZE));
    let mut bench = Bench::new();
    let left = (0..100).find_map(|_| match bench.begin(&spent, true) {
        Err(UpdateError::Wear(s)) => Some(s),
        _ => None,
    });
    // The image that was received before is still there.
    assert_eq!(bench.begin(&spent, false), Ok(0));
    bench.pass(u64::from(left.unwrap()) * 1_000);
    assert_eq!(bench.begin(&new, false), Ok(0));
    bench.write(&new, 0, IMAGE_SIZE as u32);
    let Err(UpdateError::Wear(left)) = bench.try_image() else { panic!("no step was left") };
    bench.pass(u64::from(left) * 1_000);
    assert_eq!(bench.try_image(), Ok(()));
    bench.restart();
    assert_eq!(complete(&bench.device.flash, bench.updater.confirm()), Some(Ok(())));
}

/// Neither a restart nor an image that is forgotten gives steps back, and an invalid signature costs none.
#[test]
fn steps_are_counted_over_restarts() {
    let new = image(2, IMAGE_SIZE);
    let mut bench = Bench::new();
    for _ in 0..STEPS_MAX {
        assert_eq!(bench.begin(&new, true), Ok(0));
        assert_eq!(bench.abort(), Ok(false));
        let wrong = Record { signature: [1; 64], ..signed(&new) };
        let refused = complete(&bench.device.flash, bench.updater.begin(wrong, true, bench.now_ms));
        assert_eq!(refused, Some(Err(UpdateError::Signature)));
        bench.restart();
    }
    assert!(matches!(bench.begin(&new, true), Err(UpdateError::Wear(_))));
    bench.pass(STEP_MS);
    assert_eq!(bench.begin(&new, true), Ok(0));
}
