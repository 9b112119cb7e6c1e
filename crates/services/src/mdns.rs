//! The device's name in its network.

use core::convert::Infallible;
use core::net::{Ipv4Addr, Ipv6Addr};

use edge_mdns::HostAnswersMdnsHandler;
use edge_mdns::buf::VecBufAccess;
use edge_mdns::domain::base::Ttl;
use edge_mdns::host::{Host, Service, ServiceAnswers};
use edge_mdns::io::{self, IPV4_DEFAULT_SOCKET, Mdns};
use edge_nal::{Readable, UdpBind, UdpReceive, UdpSplit};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embedded_io_async::ErrorType;
use rand_core::TryRng;

use crate::limits::{MDNS_ANSWER_LEN_MAX, MDNS_QUESTION_LEN_MAX, MDNS_TTL_S, NAME_LEN_MAX};
use crate::pause;

/// The service by which devices are found: `_sockeye._tcp`.
pub const SERVICE: &str = "_sockeye";

/// What is announced.
#[derive(Debug, Clone, Copy)]
pub struct Announcement<'a> {
    /// The host name, without `.local`; what is beyond [`NAME_LEN_MAX`] bytes is left out.
    pub name: &'a str,
    /// The device's address.
    pub address: Ipv4Addr,
    /// The port that clients connect to.
    pub port: u16,
    /// More about the device, such as its version, for whoever browses for devices.
    pub txt: &'a [(&'a str, &'a str)],
}

/// Announces the device, and answers who asks for it, until dropped: drop it when the address changes or goes.
///
/// Takes one socket of `udp`, on port 5353, and about 2.5 KB. The stack under `udp` must be able to join a multicast
/// group. `random` fills bytes; answers are delayed by it where RFC 6762 section 6 wants that.
pub async fn serve<U: UdpBind>(udp: &U, announcement: &Announcement<'_>, random: impl FnMut(&mut [u8])) -> ! {
    let mut random = Random(random);
    let host = Host {
        hostname: label(announcement.name),
        ipv4: announcement.address,
        ipv6: Ipv6Addr::UNSPECIFIED,
        ttl: Ttl::from_secs(MDNS_TTL_S),
    };
    let service = Service {
        name: host.hostname,
        priority: 0,
        weight: 0,
        service: SERVICE,
        protocol: "_tcp",
        port: announcement.port,
        service_subtypes: &[],
        txt_kvs: announcement.txt,
    };
    let (rx, tx) = (
        VecBufAccess::<NoopRawMutex, MDNS_QUESTION_LEN_MAX>::new(),
        VecBufAccess::<NoopRawMutex, MDNS_ANSWER_LEN_MAX>::new(),
    );
    let signal = Signal::<NoopRawMutex, ()>::new();
    loop {
        match io::bind(udp, IPV4_DEFAULT_SOCKET, Some(announcement.address), None).await {
            Ok(mut socket) => {
                let (receive, send) = socket.split();
                let receive = Patient(receive);
                let mdns = Mdns::new(Some(announcement.address), None, receive, send, &rx, &tx, &mut random, &signal);
                if let Err(error) = mdns.run(HostAnswersMdnsHandler::new(ServiceAnswers::new(&host, &service))).await {
                    log::warn!("mDNS: {error:?}");
                }
            }
            Err(error) => log::warn!("mDNS: {error:?}"),
        }
        pause().await;
    }
}

/// The start of a name, as long as a label of DNS may be.
fn label(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_LEN_MAX)]
}

/// Receives again after an error. A message that is too long is one, and were the service begun anew for each, every
/// such message would make the device announce itself.
struct Patient<R>(R);

impl<R: ErrorType> ErrorType for Patient<R> {
    type Error = R::Error;
}

impl<R: UdpReceive> UdpReceive for Patient<R> {
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, core::net::SocketAddr), Self::Error> {
        loop {
            match self.0.receive(buffer).await {
                // Some stacks cut what is too long, and tell the length that it had.
                Ok((len, _)) if len > buffer.len() => {}
                Ok(received) => return Ok(received),
                Err(_) => pause().await,
            }
        }
    }
}

impl<R: Readable> Readable for Patient<R> {
    async fn readable(&mut self) -> Result<(), Self::Error> {
        self.0.readable().await
    }
}

/// Random numbers from a source of bytes.
struct Random<F>(F);

impl<F: FnMut(&mut [u8])> TryRng for Random<F> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(bytes);
        Ok(())
    }
}
