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
    /// The bytes to the device wait at a gate.
    Hold(Arc<Gate>),
    /// A byte of the data of the FIRMWARE WRITE of this number is changed.
    ChangeData(usize),
}

/// Lets so many bytes through, of all connections that lead through it, and the rest once it is opened. So an update is
/// at a place that the test knows, however slow the test is.
#[derive(Debug)]
pub struct Gate {
    /// The bytes that may pass; None if all may.
    left: Mutex<Option<usize>>,
    opened: Condvar,
}

impl Gate {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(Some(most)), opened: Condvar::new() })
    }

    pub fn open(&self) {
        *self.left.lock().expect("nobody panics") = None;
        self.opened.notify_all();
    }

    /// Waits until bytes may pass, and says how many of these.
    fn admit(&self, len: usize) -> usize {
        let left = self.left.lock().expect("nobody panics");
        match &mut *self.opened.wait_while(left, |left| *left == Some(0)).expect("nobody panics") {
            None => len,
            Some(left) => {
                let len = len.min(*left);
                *left -= len;
                len
            }
        }
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
    let (mut bytes, mut passed, mut seen) = ([0; 512], 0, Seen::default());
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        let mut len = len;
        match &harm {
            Some(Harm::CutAfter(most)) => len = len.min(most - passed),
            Some(Harm::ChangeData(number)) => bytes[..len].iter_mut().for_each(|byte| seen.meet(byte, *number)),
            Some(Harm::Hold(_)) | None => {}
        }
        passed += len;
        let is_cut = matches!(&harm, Some(Harm::CutAfter(most)) if passed >= *most);
        if !write(&mut to, &bytes[..len], harm.as_ref()) || is_cut {
            break;
        }
    }
    // Both fail only where the connection is over already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Whether all bytes have gone on, which may wait at a gate.
fn write(to: &mut TcpStream, mut bytes: &[u8], harm: Option<&Harm>) -> bool {
    while !bytes.is_empty() {
        let len = match harm {
            Some(Harm::Hold(gate)) => gate.admit(bytes.len()),
            _ => bytes.len(),
        };
        let (now, later) = bytes.split_at(len);
        if to.write_all(now).is_err() {
            return false;
        }
        bytes = later;
    }
    true
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
    fn a_gate_lets_so_many_bytes_through_until_it_is_opened() {
        let gate = Gate::new(3);
        assert_eq!([gate.admit(2), gate.admit(2)], [2, 1]);
        let waiting = thread::spawn({
            let gate = gate.clone();
            move || gate.admit(9)
        });
        gate.open();
        assert_eq!(waiting.join().unwrap(), 9);
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
