//! The addresses of a device, which may have another one after each restart (DHCP).

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use sockeye_boot::PORT;

use crate::limits::LOOKUP_TIMEOUT;

const NO_PORT: &str = "a port is a number from 1 to 65535";

type Found = io::Result<Vec<SocketAddr>>;
type Resolve = dyn Fn(&str) -> Found + Send + Sync;

/// The device by its name, which is looked up for each connection.
pub struct Addresses {
    host: String,
    resolve: Arc<Resolve>,
    timeout: Duration,
    /// The addresses that were found last.
    known: Vec<SocketAddr>,
    /// A look-up that was not done in time. There is one at most: a system's resolver can't be stopped.
    pending: Option<Receiver<Found>>,
}

impl Addresses {
    /// Of `HOST` or `HOST:PORT`, by the system's resolver.
    pub fn new(host: &str) -> Self {
        Self::with(host, LOOKUP_TIMEOUT, Arc::new(resolve))
    }

    fn with(host: &str, timeout: Duration, resolve: Arc<Resolve>) -> Self {
        Self { host: host.to_owned(), resolve, timeout, known: Vec::new(), pending: None }
    }

    /// Looks the name up. The addresses that were found before are given only where that fails, as a name of mDNS does while
    /// its device restarts. An address that the name no longer has may be another device's.
    ///
    /// # Errors
    /// Nothing is known of the name, nor was before.
    pub fn look_up(&mut self) -> io::Result<&[SocketAddr]> {
        match self.found() {
            Ok(found) if !found.is_empty() => self.known = found,
            Ok(_) if self.known.is_empty() => return Err(ErrorKind::NotFound.into()),
            Err(error) if self.known.is_empty() => return Err(error),
            _ => {}
        }
        Ok(&self.known)
    }

    fn found(&mut self) -> Found {
        let receiver = self.pending.take().unwrap_or_else(|| {
            let (sender, receiver) = channel();
            let (host, resolve) = (self.host.clone(), self.resolve.clone());
            // Nobody receives what comes after the end of the program.
            thread::spawn(move || drop(sender.send(resolve(&host))));
            receiver
        });
        match receiver.recv_timeout(self.timeout) {
            Ok(found) => found,
            Err(RecvTimeoutError::Timeout) => {
                self.pending = Some(receiver);
                Err(io::Error::new(ErrorKind::TimedOut, "the look-up of the name takes too long"))
            }
            Err(RecvTimeoutError::Disconnected) => Err(ErrorKind::Other.into()),
        }
    }
}

fn resolve(host: &str) -> Found {
    let (name, port) = parse_host(host).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
    (name, port).to_socket_addrs().map(Iterator::collect)
}

/// The name and the port of `HOST` or `HOST:PORT`. An IPv6 address with a port is in brackets.
///
/// # Errors
/// There is no name, or the port is no port.
pub fn parse_host(host: &str) -> Result<(&str, u16), &'static str> {
    let (name, port) = match host.rsplit_once(':') {
        // The last part of an IPv6 address without brackets is no port.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if name.is_empty() {
        return Err("a host has a name or an address");
    }
    let port = port.map_or(Ok(PORT), |port| port.parse().ok().filter(|port| *port != 0).ok_or(NO_PORT))?;
    Ok((name, port))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn address(last: u8) -> SocketAddr {
        ([192, 0, 2, last], PORT).into()
    }

    #[test]
    fn a_device_is_found_at_its_new_address() {
        // The name is gone while the device restarts.
        let answers =
            Mutex::new(vec![Ok(vec![address(9)]), Ok(vec![]), Err(ErrorKind::NotFound), Ok(vec![address(7)])]);
        let resolve = move |_: &str| answers.lock().unwrap().pop().unwrap().map_err(io::Error::from);
        let mut addresses = Addresses::with("barn.local", LOOKUP_TIMEOUT, Arc::new(resolve));
        for expected in [7, 7, 7, 9] {
            assert_eq!(addresses.look_up().unwrap(), [address(expected)]);
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_an_error() {
        let mut addresses = Addresses::with("nowhere", LOOKUP_TIMEOUT, Arc::new(|_: &str| Ok(vec![])));
        assert_eq!(addresses.look_up().unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_resolver_that_hangs_holds_nobody_up() {
        let (release, held) = channel::<()>();
        let held = Mutex::new(held);
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        let resolve = move |_: &str| {
            *counted.lock().unwrap() += 1;
            let _ = held.lock().unwrap().recv();
            Ok(vec![address(1)])
        };
        let mut addresses = Addresses::with("slow", Duration::ZERO, Arc::new(resolve));
        for _ in 0..3 {
            assert_eq!(addresses.look_up().unwrap_err().kind(), ErrorKind::TimedOut);
        }
        release.send(()).unwrap();
        addresses.timeout = LOOKUP_TIMEOUT;
        assert_eq!(addresses.look_up().unwrap(), [address(1)]);
        assert_eq!(*count.lock().unwrap(), 1, "one look-up at a time");
    }

    #[test]
    fn a_host_has_the_usual_port_unless_it_says_another() {
        let hosts = [("127.0.0.1", PORT), ("127.0.0.1:81", 81), ("[::1]:82", 82), ("::1", PORT), ("[::1]", PORT)];
        for (host, port) in hosts {
            assert_eq!(resolve(host).unwrap()[0].port(), port, "{host}");
        }
        assert_eq!(parse_host("fe80::1%eth0"), Ok(("fe80::1%eth0", PORT)));
        assert_eq!(parse_host("barn.local:80"), Ok(("barn.local", 80)));
    }
}
