//! A proxy that does harm to what an update sends: cuts a connection, holds up its bytes, or changes a byte.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use anyhow::Result;

/// The harm that is done to one connection.
#[derive(Debug, Clone)]
pub enum Harm {
    /// The connection is cut after so many bytes to the device.
    CutAfter(usize),
    /// The data wait at a gate.
    Hold(Arc<Gate>),
    /// A byte of the data of the FIRMWARE WRITE of this number is changed.
    ChangeData(usize),
}

/// Holds up the FIRMWARE WRITE of an offset and all that follows it, until the offset is raised. So an update is at a
/// place that the test knows, however slow the test is, and however many connections it takes.
#[derive(Debug)]
pub struct Gate {
    offset: Mutex<usize>,
    raised: Condvar,
}

impl Gate {
    pub fn new(offset: usize) -> Arc<Self> {
        Arc::new(Self { offset: Mutex::new(offset), raised: Condvar::new() })
    }

    pub fn raise(&self, offset: usize) {
        *self.offset.lock().expect("nobody panics") = offset;
        self.raised.notify_all();
    }

    /// Waits until what begins at this offset of the image may pass.
    fn admit(&self, at: usize) {
        let offset = self.offset.lock().expect("nobody panics");
        drop(self.raised.wait_while(offset, |offset| at >= *offset).expect("nobody panics"));
    }
}

/// The offset of a FIRMWARE WRITE follows this, behind the number of its digits.
const WRITE: &[u8] = b"WRITE\r\n$";
/// Bytes from there to the end of the offset.
const OFFSET_LEN_MAX: usize = WRITE.len() + 3 + 6 + 2;

/// The number in a bulk string, from its length on; None if its end is yet to come.
fn offset(argument: &[u8]) -> Option<usize> {
    let mut lines = argument.splitn(3, |byte| *byte == b'\r');
    let (_, number, _) = (lines.next()?, lines.next()?, lines.next()?);
    str::from_utf8(number.strip_prefix(b"\n")?).ok()?.parse().ok()
}

/// The offsets of the requests in what passes.
#[derive(Default)]
struct Offsets {
    /// The end of what has passed.
    tail: Vec<u8>,
}

impl Offsets {
    /// The last offset that has come whole; None if there is none in these bytes and the few before them.
    fn meet(&mut self, bytes: &[u8]) -> Option<usize> {
        self.tail.extend_from_slice(bytes);
        let arguments = (0..self.tail.len()).filter_map(|at| self.tail[at..].strip_prefix(WRITE));
        let found = arguments.filter_map(offset).next_back();
        self.tail.drain(..self.tail.len().saturating_sub(OFFSET_LEN_MAX));
        found
    }
}

/// The argument of a full FIRMWARE WRITE begins so.
const DATA: &[u8] = b"$512\r\n";
/// Which byte of the data is changed.
const CHANGED: usize = 100;

/// Starts a proxy that leads to `server`, and returns its port. Each connection takes the next harm; None does none. After
/// the last no connection is harmed.
pub fn start(server: u16, harms: impl IntoIterator<Item = Option<Harm>, IntoIter: Send + 'static>) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let mut harms = harms.into_iter();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Without a server the client is let go at once.
            if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) {
                join(client, server, harms.next().flatten());
            }
        }
    });
    Ok(port)
}

fn join(client: TcpStream, server: TcpStream, harm: Option<Harm>) {
    let (Ok(to_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else { return };
    thread::spawn(move || pass(from_server, to_client, None));
    thread::spawn(move || pass(client, server, harm));
}

/// Passes bytes on until one side ends, and ends both.
fn pass(mut from: TcpStream, mut to: TcpStream, harm: Option<Harm>) {
    let (mut bytes, mut passed, mut seen, mut offsets) = ([0; 512], 0, Seen::default(), Offsets::default());
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        let mut len = len;
        match &harm {
            Some(Harm::CutAfter(most)) => len = len.min(most - passed),
            Some(Harm::ChangeData(number)) => bytes[..len].iter_mut().for_each(|byte| seen.meet(byte, *number)),
            Some(Harm::Hold(gate)) => {
                if let Some(offset) = offsets.meet(&bytes[..len]) {
                    gate.admit(offset);
                }
            }
            None => {}
        }
        passed += len;
        let is_cut = matches!(&harm, Some(Harm::CutAfter(most)) if passed >= *most);
        if to.write_all(&bytes[..len]).is_err() || is_cut {
            break;
        }
    }
    // Both fail only where the connection is over already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Finds the data of the requests in what passes.
#[derive(Default)]
struct Seen {
    /// Bytes of [`DATA`] that came in a row.
    matched: usize,
    /// Arguments that have begun.
    begun: usize,
    /// Bytes of the last of them that have come.
    data: usize,
}

impl Seen {
    fn meet(&mut self, byte: &mut u8, number: usize) {
        if self.begun == number && self.data < DATA_LEN {
            if self.data == CHANGED {
                *byte ^= 1;
            }
            self.data += 1;
            return;
        }
        self.matched = match *byte == DATA[self.matched] {
            true => self.matched + 1,
            false => usize::from(*byte == DATA[0]),
        };
        if self.matched == DATA.len() {
            (self.matched, self.data) = (0, 0);
            self.begun += 1;
        }
    }
}

/// Bytes of a full FIRMWARE WRITE.
const DATA_LEN: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_of_a_request_is_found_in_pieces_of_any_length() {
        let request = b"*4\r\n$8\r\nFIRMWARE\r\n$5\r\nWRITE\r\n$6\r\n123456\r\n$512\r\n\xff\xff\r\n";
        for len in 1..request.len() {
            let mut offsets = Offsets::default();
            assert!(
                request.chunks(len).filter_map(|bytes| offsets.meet(bytes)).any(|offset| offset == 123_456),
                "{len}"
            );
        }
    }

    #[test]
    fn a_gate_holds_an_offset_until_it_is_raised() {
        let gate = Gate::new(3);
        gate.admit(2);
        let waiting = thread::spawn({
            let gate = gate.clone();
            move || gate.admit(3)
        });
        gate.raise(4);
        waiting.join().unwrap();
    }

    #[test]
    fn one_byte_of_the_data_is_changed() {
        let request = [b"*4\r\n$8\r\nFIRMWARE\r\n", DATA, &[7; DATA_LEN], b"\r\n"].concat();
        let mut stream = request.repeat(3);
        let mut seen = Seen::default();
        stream.iter_mut().for_each(|byte| seen.meet(byte, 2));
        let changed: Vec<_> = stream.iter().zip(request.repeat(3)).enumerate().filter(|(_, (a, b))| *a != b).collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].0, 2 * request.len() - 2 - DATA_LEN + CHANGED);
    }
}
