//! Sending an image to a device, trying it, and keeping it.

mod addresses;
mod device_link;
mod progress;

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use sockeye_firmware_image::{OwnerKey, SignedImage, recipe, write_unsigned};
use sockeye_firmware_update::limits::{CHUNK_LEN_MAX, REACHABLE_MS};

use crate::limits::{
    BUSY_RETRY, RECONNECT_PAUSE, RECONNECT_TIMEOUT, RESTART_TIME, UPDATE_LOST_MAX, UPDATE_PAUSE_MAX, UPDATE_PAUSES_MAX,
    UPDATE_WINDOW_MAX,
};
use crate::serve::print;
use crate::update::addresses::Addresses;
pub use crate::update::addresses::parse_host;
use crate::update::device_link::{DeviceLink, Value};
use crate::update::progress::Progress;

/// The image to send, and the device that gets it.
pub struct Update<'a> {
    /// `HOST` or `HOST:PORT`.
    pub host: &'a str,
    /// The image; its signature is beside it.
    pub image: &'a Path,
    /// The device's token, if it has one.
    pub token: Option<&'a str>,
    /// Seconds for which the device waits for the confirmation.
    pub confirm_s: u16,
    /// Begins anew where a part was sent before.
    pub is_anew: bool,
}

/// How the device's firmware is.
struct Status {
    version: String,
    slot: String,
    state: String,
    failure: Option<String>,
}

/// Why an exchange with the device did not go on.
enum Stop {
    /// The connection was lost.
    Lost(io::Error),
    /// The device has refused something, and says why.
    Refused(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// Reads an image, and its signature beside it.
///
/// # Errors
/// One of the files can't be used.
pub fn read(path: &Path) -> Result<SignedImage> {
    let image = SignedImage::read(path)?;
    version(&image, path)?;
    // The device would refuse the signature, as if another key had signed the image.
    ensure!(
        recipe::is_whole(&image.bytes),
        "{} is cut off or damaged: it does not end with the SHA-256 of the bytes before",
        path.display()
    );
    Ok(image)
}

fn version<'i>(image: &'i SignedImage, path: &Path) -> Result<&'i str> {
    let version = recipe::version(&image.bytes);
    version.with_context(|| format!("{} is no application image; updates take no merged image", path.display()))
}

/// Sends the image, restarts the device into it, and confirms it once it is reachable.
///
/// # Errors
/// A sentence that says what failed, and how the device is then.
pub fn run(update: &Update<'_>, image: &SignedImage) -> Result<()> {
    let version = version(image, update.image)?;
    let mut addresses = Addresses::new(update.host);
    addresses.look_up().with_context(|| format!("can't find {} on the network", update.host))?;
    let sender = Sender { update, image, addresses: RefCell::new(addresses), pauses: Cell::new(0) };
    let before = sender.check()?;
    print(format_args!("{} runs {}, {} is {version}", update.host, before.version, update.image.display()));
    sender.send()?;
    sender.try_image()?;
    print(format_args!("the device restarts into {version}"));
    sleep(RESTART_TIME);
    sender.confirm(&before, version)?;
    print(format_args!("{} runs {version}, and keeps it", update.host));
    Ok(())
}

struct Sender<'a> {
    update: &'a Update<'a>,
    image: &'a SignedImage,
    addresses: RefCell<Addresses>,
    /// How often the device's flash had to rest.
    pauses: Cell<u32>,
}

impl Sender<'_> {
    fn connect(&self) -> Result<DeviceLink, Stop> {
        let mut link = DeviceLink::connect(self.addresses.borrow_mut().look_up()?)?;
        if let Some(token) = self.update.token {
            link.request(&[b"AUTH", token.as_bytes()])?.into_done()?;
        }
        Ok(link)
    }

    /// Whether the device takes updates now.
    fn check(&self) -> Result<Status> {
        let status = self.connect().and_then(|mut link| status(&mut link));
        let status = status.map_err(|stop| match stop {
            Stop::Lost(error) => anyhow!(error).context(format!("can't reach {}", self.update.host)),
            Stop::Refused(error) => anyhow!("{} takes no update: {error}", self.update.host),
        })?;
        match status.state.as_str() {
            "trial" => bail!(
                "{} runs {} on trial: FIRMWARE CONFIRM keeps it, FIRMWARE ABORT goes back",
                self.update.host,
                status.version
            ),
            _ => Ok(status),
        }
    }

    /// Sends all of the image, over as many connections as it takes.
    fn send(&self) -> Result<()> {
        let mut progress = Progress::new(self.image.bytes.len());
        let mut losses = Losses::default();
        let mut is_anew = self.update.is_anew;
        loop {
            let stop = match self.connect() {
                Ok(mut link) => match self.send_over(&mut link, is_anew, &mut progress) {
                    Ok(()) => {
                        progress.end();
                        return Ok(());
                    }
                    Err(stop) => stop,
                },
                Err(stop) => stop,
            };
            is_anew &= progress.at() == 0;
            let is_too_often = losses.add(progress.at()) > UPDATE_LOST_MAX;
            match stop {
                Stop::Refused(error) if is_busy(&error) && !is_too_often => sleep(BUSY_RETRY),
                Stop::Refused(error) if self.spares(&error) => {}
                Stop::Refused(error) => bail!("{} refuses the image: {error}", self.update.host),
                Stop::Lost(error) if is_too_often => {
                    let at = progress.at();
                    return Err(error).with_context(|| {
                        format!("the connection to {} is lost; the same command goes on at byte {at}", self.update.host)
                    });
                }
                Stop::Lost(_) => sleep(RECONNECT_PAUSE),
            }
        }
    }

    fn send_over(&self, link: &mut DeviceLink, is_anew: bool, progress: &mut Progress) -> Result<(), Stop> {
        let SignedImage { bytes, sha256, signature } = self.image;
        let (size, sha256, signature) = (bytes.len().to_string(), hexadecimal(sha256), hexadecimal(signature));
        let mut begin: Vec<&[u8]> = vec![b"FIRMWARE", b"BEGIN"];
        begin.extend([size.as_bytes(), sha256.as_bytes(), signature.as_bytes()]);
        if is_anew {
            begin.push(b"RESTART");
        }
        let begun = link.request(&begin)?.into_offset()?;
        if begun > bytes.len() {
            return Value::unexpected();
        }
        progress.reach(begun);
        let (mut sent, mut done) = (begun, begun);
        while done < bytes.len() {
            while sent < bytes.len() && sent - done < UPDATE_WINDOW_MAX * CHUNK_LEN_MAX {
                let data = chunk(bytes, sent);
                link.send(&[b"FIRMWARE", b"WRITE", sent.to_string().as_bytes(), data])?;
                sent += data.len();
            }
            // The reply is the next offset.
            done += chunk(bytes, done).len();
            if link.receive()?.into_offset()? != done {
                return Value::unexpected();
            }
            progress.reach(done);
        }
        Ok(())
    }

    /// Has the device verify the image and restart into it. A request that was lost is made again, unless the device has
    /// begun to do it.
    fn try_image(&self) -> Result<()> {
        let host = self.update.host;
        let seconds = self.update.confirm_s.to_string();
        // A request had no reply, and may have been done.
        let (mut start, mut is_open) = (Instant::now(), false);
        loop {
            let tried = self.connect().and_then(|mut link| {
                if is_open && status(&mut link)?.state != "ready" {
                    return Ok(());
                }
                let reply = link.request(&[b"FIRMWARE", b"TRY", seconds.as_bytes()]);
                is_open |= reply.is_err();
                reply?.into_done()
            });
            let is_over = start.elapsed() > RECONNECT_TIMEOUT;
            match tried {
                Ok(()) => return Ok(()),
                Err(Stop::Refused(error)) if is_busy(&error) && !is_over => sleep(BUSY_RETRY),
                Err(Stop::Refused(error)) if self.spares(&error) => start = Instant::now(),
                Err(Stop::Refused(error)) => bail!("{host} does not boot the image: {error}"),
                Err(Stop::Lost(_)) if !is_over => sleep(RECONNECT_PAUSE),
                Err(Stop::Lost(error)) => return Err(error).with_context(|| format!("can't reach {host} any more")),
            }
        }
    }

    /// Waits for as long as the device says that its flash must rest. False if the error is another, or this was waited for
    /// often.
    fn spares(&self, error: &str) -> bool {
        let Some(pause) = pause(error).filter(|_| self.pauses.get() < UPDATE_PAUSES_MAX) else { return false };
        self.pauses.set(self.pauses.get() + 1);
        print(format_args!("{} spares its flash for {} s", self.update.host, pause.as_secs()));
        sleep(pause);
        true
    }

    /// Confirms the firmware once it is reachable. Nothing but the end of the trial's time ends this before the device
    /// has said how it is: who gives up loses the trial.
    fn confirm(&self, before: &Status, version: &str) -> Result<()> {
        let host = self.update.host;
        let timeout = Duration::from_millis(REACHABLE_MS) + Duration::from_secs(self.update.confirm_s.into());
        let start = Instant::now();
        loop {
            let confirmed = self.connect().and_then(|mut link| {
                let now = status(&mut link)?;
                if now.state == "trial" {
                    link.request(&[b"FIRMWARE", b"CONFIRM"])?.into_done()?;
                    return Ok(None);
                }
                Ok(Some(now))
            });
            let is_over = start.elapsed() > timeout;
            match confirmed {
                Ok(None) => return Ok(()),
                // The device still runs the firmware before, and is about to restart.
                Ok(Some(now)) if now.state == "restarting" && !is_over => sleep(RECONNECT_PAUSE),
                Ok(Some(now)) if now.state == "restarting" => bail!("{host} did not restart"),
                // The reply to an earlier confirmation was lost.
                Ok(Some(now)) if now.slot != before.slot => return Ok(()),
                Ok(Some(now)) => {
                    let why = now.failure.unwrap_or_else(|| "it did not restart into the image".to_owned());
                    bail!("{host} runs {} again: {why}", now.version)
                }
                Err(Stop::Refused(_)) if !is_over => sleep(BUSY_RETRY),
                Err(Stop::Refused(error)) => {
                    bail!("{host} can't be told to keep {version}, so it goes back to {}: {error}", before.version)
                }
                Err(Stop::Lost(_)) if !is_over => sleep(RECONNECT_PAUSE),
                Err(Stop::Lost(error)) => {
                    return Err(error).with_context(|| {
                        let old = &before.version;
                        format!("the new firmware can't be reached, so the device goes back to {old} by itself")
                    });
                }
            }
        }
    }
}

/// The data of the FIRMWARE WRITE at this offset.
fn chunk(image: &[u8], offset: usize) -> &[u8] {
    &image[offset..image.len().min(offset + CHUNK_LEN_MAX)]
}

/// Connections that were lost, or found the device busy, since it had more of the image than ever before.
#[derive(Default)]
struct Losses {
    furthest: usize,
    count: u32,
}

impl Losses {
    /// Counts one more, with the device at this byte of the image, and gives how many there are. A device that begins
    /// anew each time gets no further.
    fn add(&mut self, at: usize) -> u32 {
        if at > self.furthest {
            *self = Self { furthest: at, count: 0 };
        }
        self.count += 1;
        self.count
    }
}

/// How long a device that spares its flash is to be left alone; None of another error, or a time that no device says.
fn pause(error: &str) -> Option<Duration> {
    let (_, rest) = error.split_once("wear out the flash, try again in ")?;
    let seconds: u64 = rest.strip_suffix(" s")?.parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|pause| *pause <= UPDATE_PAUSE_MAX)
}

/// Whether the device may take the image a little later. A device ends a connection on which half a request came, and no more
/// for some seconds.
fn is_busy(error: &str) -> bool {
    ["another client", "wrong offset", "max number of clients", "incomplete request", "about to restart"]
        .iter()
        .any(|text| error.contains(text))
}

fn status(link: &mut DeviceLink) -> Result<Status, Stop> {
    let fields = link.request(&[b"FIRMWARE", b"STATUS"])?.into_fields()?;
    let mut fields = fields.into_iter();
    let mut field = |name: &str| fields.find(|(field, _)| field == name).and_then(|(_, value)| value);
    Ok(Status {
        version: field("version").unwrap_or_default(),
        slot: field("slot").unwrap_or_default(),
        state: field("state").unwrap_or_default(),
        failure: field("last_failure"),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes an image for the simulator, signs it, and says how it is used.
///
/// # Errors
/// The key can't be used, or the file can't be written.
pub fn make_image(version: &str, payload: usize, key: Option<&Path>, file: &Path) -> Result<()> {
    let key = open_key(key)?;
    let bytes = crate::device::make_image(version, payload)?;
    match SignedImage::sign(bytes.clone(), &key) {
        Some(signed) => signed.write(file)?,
        None => {
            write_unsigned(file, &bytes)?;
            print(format_args!("sign it as docs/update.md says: {}", file.display()));
        }
    }
    Ok(())
}

/// The key in the file, or else the user's, which is made at the first use.
fn open_key(path: Option<&Path>) -> Result<OwnerKey> {
    if let Some(path) = path {
        return OwnerKey::open(path);
    }
    let path = OwnerKey::default_path()?;
    let (key, is_new) = OwnerKey::open_or_make(&path)?;
    if is_new {
        print(format_args!("made the key {}: keep a copy, devices take only what it has signed", path.display()));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use sockeye_firmware_update::UpdateError;
    use sockeye_firmware_update::limits::STEP_MS;

    use super::*;

    /// A device that restarts in each sector, and begins it anew.
    #[test]
    fn a_device_that_spares_its_flash_is_left_alone_for_as_long_as_it_says() {
        let said = |error: UpdateError| pause(&error.to_string());
        assert_eq!(said(UpdateError::Wear(42)), Some(Duration::from_secs(42)));
        let longest = STEP_MS.div_ceil(1_000);
        assert_eq!(said(UpdateError::Wear(longest as u16)), Some(Duration::from_secs(longest)));
        // No device says that.
        assert_eq!(said(UpdateError::Wear(u16::MAX)), None);
        assert_eq!(said(UpdateError::Idle), None);
    }

    #[test]
    fn a_device_that_is_about_to_restart_is_asked_again() {
        assert!(is_busy(&UpdateError::Restarting.to_string()));
        assert!(!is_busy(&UpdateError::Trial.to_string()));
    }

    #[test]
    fn a_device_that_gets_no_further_is_given_up() {
        let mut losses = Losses::default();
        let at = |number: usize| 4_096 + 512 * [7, 0, 5, 3, 6, 0, 1][number % 7];
        let given_up = (0..100).find(|number| losses.add(at(*number)) > UPDATE_LOST_MAX);
        assert_eq!(given_up, Some(UPDATE_LOST_MAX as usize));
        assert_eq!(losses.add(8_192), 1);
    }
}
