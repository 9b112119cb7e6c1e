//! Telnet commands (RFC 854) in inline requests.
//!
//! A terminal program in its Telnet mode begins with negotiation, ends a line with CR NUL or CR LF, and sends Ctrl-C as
//! IAC IP. Commands are passed over; none is answered, which RFC 854 takes for a refusal. A RESP array may hold any
//! byte, and is no Telnet.

/// Interpret as command: the first byte of each command.
pub(crate) const IAC: u8 = 255;
/// End of text, Ctrl-C from a terminal that has no Telnet mode.
const ETX: u8 = 3;

const SE: u8 = 240;
const INTERRUPT_PROCESS: u8 = 244;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
const SB: u8 = 250;
const WILL: u8 = 251;
const DONT: u8 = 254;

/// Whether a byte is data here although it may be a command elsewhere.
pub(crate) fn is_command(byte: u8) -> bool {
    matches!(byte, IAC | ETX)
}

/// Bytes of the command that `bytes` starts with, whose first byte is IAC; `None` if it isn't complete.
pub(crate) fn command_len(bytes: &[u8]) -> Option<usize> {
    match *bytes.get(1)? {
        SB => sub_negotiation_len(bytes),
        WILL..=DONT => (bytes.len() >= 3).then_some(3),
        _ => Some(2),
    }
}

/// From IAC SB to IAC SE, between which a byte of 255 is doubled.
fn sub_negotiation_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == IAC)?;
        if *bytes.get(at + 1)? == SE {
            return Some(at + 2);
        }
        at += 2;
    }
}

/// Carries out the commands in a line and takes them out of it; gives the length of what is left at its start.
///
/// IAC IAC is a byte of 255. An interrupt and EL drop what was typed before, EC drops the byte before.
pub(crate) fn strip(line: &mut [u8]) -> usize {
    let (mut read, mut write) = (0, 0);
    while let Some(&byte) = line.get(read) {
        let rest = line.get(read..).unwrap_or_default();
        let (len, data) = match (byte, rest.get(1)) {
            (ETX, _) => (1, None),
            (IAC, Some(&IAC)) => (2, Some(IAC)),
            (IAC, _) => (command_len(rest).unwrap_or(rest.len()), None),
            (byte, _) => (1, Some(byte)),
        };
        match (byte, rest.get(1), data) {
            (_, _, Some(data)) => {
                if let Some(to) = line.get_mut(write) {
                    *to = data;
                }
                write += 1;
            }
            (ETX, ..) | (IAC, Some(&(INTERRUPT_PROCESS | ERASE_LINE)), None) => write = 0,
            (IAC, Some(&ERASE_CHARACTER), None) => write = write.saturating_sub(1),
            _ => (),
        }
        read += len;
    }
    write
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_as_long_as_rfc_854_says() {
        let check = |bytes: &[u8], expected| assert_eq!(command_len(bytes), expected, "{bytes:?}");
        check(&[IAC], None);
        check(&[IAC, INTERRUPT_PROCESS], Some(2));
        check(&[IAC, IAC, b'x'], Some(2));
        check(&[IAC, WILL], None);
        check(&[IAC, WILL, 31, b'x'], Some(3));
        check(&[IAC, DONT, 0], Some(3));
        check(&[IAC, SB, 31, 0, 80, 0, 24, IAC, SE, b'x'], Some(9));
        check(&[IAC, SB, 31, IAC, IAC, IAC, SE], Some(7));
        check(&[IAC, SB, 31, IAC, IAC, SE], None);
        check(&[IAC, SB], None);
    }

    #[test]
    fn what_is_left_is_what_was_typed() {
        let check = |bytes: &[u8], expected: &[u8]| {
            let mut line = bytes.to_vec();
            let len = strip(&mut line);
            assert_eq!(&line[..len], expected, "{bytes:?}");
        };
        check(b"PING", b"PING");
        check(b"PI\xff\xfb\x1fNG", b"PING");
        check(b"PI\xff\xfa\x1f\0\x50\0\x18\xff\xf0NG\r", b"PING\r");
        check(b"x\xff\xff", b"x\xff");
        check(b"half\xff\xf4\xff\xfd\x06PING", b"PING");
        check(b"half\x03PING", b"PING");
        check(b"half\xff\xf8PING", b"PING");
        check(b"PIMM\xff\xf7\xff\xf7NG", b"PING");
        check(b"\xff\xf7PING", b"PING");
        check(b"PING\xff", b"PING");
    }
}
