//! FIRMWARE: an update that is signed, resumable, and tried before it is kept.

use sockeye_firmware_update::limits::{CHUNK_LEN_MAX, CONFIRM_S, CONFIRM_S_MAX, CONFIRM_S_MIN};
use sockeye_firmware_update::{Record, UpdateState};

use crate::command::{CommandContext, CommandResult, Flow, integer};
use crate::firmware::{Firmware, Job, Outcome};
use crate::sessions::session::Cursor;

const NO_SLOTS: &str = "ERR this build has no slots for updates: it is updated by flashing it";
const BUSY: &str = "ERR the flash is at work for another client, try again";
const RESTARTING: &str = "ERR the device is about to restart";
/// The error to a command that changes settings during a trial. The firmware before must find the settings as they
/// were.
pub(crate) const ON_TRIAL: &str = "ERR this firmware is on trial and stores no settings: FIRMWARE CONFIRM comes first";

impl<'c> CommandContext<'c, '_> {
    fn slots(&self) -> Result<&'c Firmware, &'static str> {
        self.environment.firmware.ok_or(NO_SLOTS)
    }

    /// Whether the firmware that runs is on trial.
    pub(crate) fn is_firmware_on_trial(&self) -> bool {
        self.environment.firmware.is_some_and(Firmware::is_trial)
    }

    /// Whether a restart leads back to the firmware before.
    pub(crate) fn is_firmware_left_by_restart(&self) -> bool {
        self.environment.firmware.is_some_and(Firmware::is_left_by_restart)
    }

    /// Has the flash's task do a job, and replies when it is done. `prepare` runs before the job is given.
    fn work(
        &mut self,
        prepare: impl FnOnce(&mut Self, &'c Firmware) -> Result<(Job, &'c [u8]), &'static str>,
    ) -> CommandResult {
        let firmware = self.slots()?;
        let Cursor::Firmware(outcome) = self.session().cursor else {
            let (job, data) = prepare(self, firmware)?;
            if !firmware.give(job, data) {
                return Err(BUSY);
            }
            return self.wait_for_flash();
        };
        let Some(outcome) = outcome else {
            return self.wait_for_flash();
        };
        self.session().cursor = Cursor::Start;
        match outcome {
            Ok(Outcome::Next(offset)) => self.reply.integer(offset.into()),
            Ok(Outcome::Done) => self.reply.ok(),
            Ok(Outcome::Restart) => {
                match firmware.status().state {
                    UpdateState::Restarting => {
                        self.reply.simple("OK restarting into the image: FIRMWARE CONFIRM keeps it")
                    }
                    _ => self.reply.simple("OK restarting into the firmware before"),
                }
                return Ok(Flow::Close);
            }
            Err(error) => return self.refuse(format_args!("ERR {error}")),
        }
        Ok(Flow::Continue)
    }

    /// Nothing is written until the session's job is done.
    fn wait_for_flash(&mut self) -> CommandResult {
        let session = self.session();
        session.event_pending = false;
        session.cursor = Cursor::Firmware(None);
        Ok(Flow::Block { timeout_ms: 0 })
    }
}

pub(crate) fn status(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let firmware = cx.slots()?;
    let status = firmware.status();
    cx.reply.map(8);
    for (name, text) in [
        ("version", cx.platform.identity().version),
        ("chip", firmware.chip),
        ("slot", status.booted.name()),
        ("state", status.state.name()),
    ] {
        cx.reply.bulk(name.as_bytes());
        cx.reply.bulk(text.as_bytes());
    }
    cx.reply.bulk(b"received");
    cx.reply.integer(status.received.into());
    cx.reply.bulk(b"size");
    cx.reply.integer(status.size.into());
    cx.reply.bulk(b"confirm_within_s");
    match status.state {
        UpdateState::Trial => cx.reply.integer(firmware.trial_left_s(cx.now.uptime_ms()) as i64),
        _ => cx.reply.null(),
    }
    cx.reply.bulk(b"last_failure");
    match status.failure {
        Some(failure) => cx.reply.bulk_fmt(format_args!("{failure}")),
        None => cx.reply.null(),
    }
    Ok(Flow::Continue)
}

pub(crate) fn begin(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.work(|cx, firmware| {
        let size = u32::try_from(integer(cx.arg(2))?).map_err(|_| "ERR value is not an integer or out of range")?;
        let sha256 = hexadecimal(cx.arg(3)).ok_or("ERR the SHA-256 takes 64 hexadecimal digits")?;
        let signature = hexadecimal(cx.arg(4)).ok_or("ERR the signature takes 128 hexadecimal digits")?;
        let is_anew = match cx.request.arg(5) {
            None => false,
            Some(word) if word.eq_ignore_ascii_case(b"restart") && cx.request.len() == 6 => true,
            Some(_) => return Err("ERR syntax error"),
        };
        if cx.state.is_restart_requested {
            // A restart in the middle of it is as a power cut, after which the steps that are spent are not known.
            return Err(RESTARTING);
        }
        let (id, now_ms) = (cx.session().id, cx.now.uptime_ms());
        if !firmware.may_begin(id, now_ms, |other| cx.state.sessions.iter().any(|session| session.id == other)) {
            return Err("ERR another client is sending an image");
        }
        Ok((Job::Begin { record: Record { size, sha256, signature }, is_anew, session: id }, &[][..]))
    })
}

pub(crate) fn write(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.work(|cx, firmware| {
        let offset = u32::try_from(integer(cx.arg(2))?).map_err(|_| "ERR value is not an integer or out of range")?;
        let data = cx.arg(3);
        if data.len() > CHUNK_LEN_MAX {
            return Err("ERR FIRMWARE WRITE takes 512 bytes at most");
        }
        let (id, now_ms) = (cx.session().id, cx.now.uptime_ms());
        if !firmware.is_sender(id, now_ms) {
            return Err("ERR this connection sends no image: FIRMWARE BEGIN comes first");
        }
        Ok((Job::Write { offset, len: data.len() as u16 }, data))
    })
}

pub(crate) fn try_image(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.work(|cx, _| {
        let confirm_s = match (cx.request.arg(2), cx.request.len()) {
            (None, _) => Some(CONFIRM_S),
            (Some(text), 3) => u16::try_from(integer(text)?).ok(),
            _ => return Err("ERR syntax error"),
        };
        let confirm_s = confirm_s.filter(|s| (CONFIRM_S_MIN..=CONFIRM_S_MAX).contains(s));
        Ok((Job::Try { confirm_s: confirm_s.ok_or("ERR FIRMWARE TRY takes 10 to 600 seconds")? }, &[][..]))
    })
}

pub(crate) fn confirm(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.work(|cx, firmware| match cx.state.is_restart_requested && firmware.is_trial() {
        // The client that has ended the trial was told that the firmware before comes back.
        true => Err(RESTARTING),
        false => Ok((Job::Confirm, &[][..])),
    })
}

pub(crate) fn abort(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.work(|_, _| Ok((Job::Abort, &[][..])))
}

/// `2 * N` hexadecimal digits.
fn hexadecimal<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (digit(high)? << 4 | digit(low)?) as u8;
    }
    Some(bytes)
}
