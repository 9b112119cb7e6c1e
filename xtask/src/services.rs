//! The services of the access point's network, as a phone uses them, of the bare-metal device on a tap. Requests ask
//! for an address, for names, and for the page that a phone looks for. The device itself asks for the time. Hosts that
//! have gone disturb the device, and the programs of others use its services.

mod gone;
pub mod peers;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{str, thread};

use anyhow::{Context, Result, anyhow, bail, ensure};
use domain::base::iana::Class;
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::rdata::AllRecordData;
use edge_dhcp::{DhcpOption, MessageType, Options, Packet};

use harness::daemon::Server;
use harness::emulator::{self, GUEST_PORT, Network};
use harness::namespace::{TAP, make_tap, run_inside};
use harness::process::{SHORT, run};
use harness::workspace::Workspace;

/// The device's address, and this side's on the tap.
const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const MDNS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const MDNS_PORT: u16 = 5353;
/// The name that the machine is told.
const NAME: &str = "kitchen";
/// How long an answer may take. A device that waits for a host that has gone never answers others; how soon it answers
/// them otherwise is shown in simulated time (`simulation/tests/services`).
const ANSWER: Duration = Duration::from_secs(30);
/// How long the device may take until it has asked for the time, and has it.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Between two looks.
const POLL: Duration = Duration::from_millis(200);
/// Seconds from 1900, when NTP's time begins, to 1970, and from there to 2030.
const NTP_1970: u32 = 2_208_988_800;
const NEW_YEAR_S: u64 = 1_893_456_000;
/// How often a question is asked before the answer counts as missing: the guest may only just listen.
const TRIES: usize = 15;

/// How often ten hosts ask and go.
const HAUNTINGS: usize = 3;

/// The parts to test.
#[derive(clap::Args)]
pub struct Args {
    /// Set by this program where it runs itself again in a namespace that it made.
    #[arg(long, hide = true)]
    inside: bool,
}

/// The job. All programs are built before the network is gone.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if !args.inside {
        emulator::build(workspace, "device", None)?;
        return run_inside(&["services", "--inside"]);
    }
    make_tap()?;
    // Broadcasts to nobody in particular need a way out.
    run(Command::new("ip").args(["route", "add", "default", "dev", TAP]), SHORT)?;
    let clock = UdpSocket::bind((HOST, 123)).context("the port of NTP")?;
    let is_known = Arc::new(AtomicBool::new(false));
    let clock = thread::spawn({
        let is_known = is_known.clone();
        move || tell_time(&clock, &is_known)
    });
    let mut machine = emulator::machine(&emulator::built(workspace, "device")?, &Network::Tap(TAP));
    let (peer, peer_port) = gone::PEER;
    let words = format!("network=own device.name={NAME} time.server={HOST} push.to={peer}:{peer_port}");
    emulator::tell(workspace, &mut machine, "services", &words)?;
    let mut server = Server::start(workspace, "services", machine)?;
    server.wait_for("listening on port")?;
    server.test(|_| {
        println!("services: {} is lent", address_is_lent()?);
        println!("services: connectivitycheck.gstatic.com is {}", name_is_the_device()?);
        println!("services: {}", device_is_found()?.join(", "));
        println!("services: a phone is sent to {}", phone_is_led()?);
        println!("services: it is {} s after 1970", time_is_known()?);
        is_known.store(true, Ordering::SeqCst);
        clock.join().map_err(|_| anyhow!("the time server ended"))??;
        for _ in 0..HAUNTINGS {
            gone::ask_and_go()?;
            name_is_the_device()?;
            address_is_lent()?;
            device_is_found()?;
        }
        println!("services: hosts that have gone hold up nobody");
        gone::ask_and_go()?;
        println!("services: a peer that is back is found after {} ms", gone::peer_comes_back()?.as_millis());
        println!("services: found by {}", peers::all(workspace)?.join(", "));
        Ok(())
    })
}

/// Asks until there is an answer that `read` takes.
fn ask<T>(socket: &UdpSocket, to: (Ipv4Addr, u16), question: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Result<T> {
    socket.set_read_timeout(Some(ANSWER / TRIES as u32))?;
    let mut bytes = [0; 1500];
    for _ in 0..TRIES {
        socket.send_to(question, to)?;
        while let Ok((len, _)) = socket.recv_from(&mut bytes) {
            if let Some(answer) = read(&bytes[..len]) {
                return Ok(answer);
            }
        }
    }
    bail!("nobody answers on port {}", to.1)
}

/// An address by DHCP: the device offers one of its network.
fn address_is_lent() -> Result<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 68)).context("the port of DHCP's clients")?;
    socket.set_broadcast(true)?;
    let options = [DhcpOption::MessageType(MessageType::Discover), DhcpOption::ParameterRequestList(&[1, 3, 6, 114])];
    let discover = Packet::new_request([2, 0, 0, 0, 0, 9], 7, 0, None, true, Options::new(&options));
    let mut bytes = [0; 576];
    let discover = discover.encode(&mut bytes).map_err(|error| anyhow!("{error:?}"))?;
    let lent = ask(&socket, (Ipv4Addr::BROADCAST, 67), discover, |bytes| {
        let packet = Packet::decode(bytes).ok().filter(|packet| packet.reply && packet.xid == 7)?;
        let says = |wanted| packet.options.iter().any(|option| option == wanted);
        let is_whole = says(DhcpOption::MessageType(MessageType::Offer)) && says(DhcpOption::ServerIdentifier(GUEST));
        let url = format!("http://{GUEST}:{GUEST_PORT}/");
        (is_whole && bytes.windows(url.len()).any(|window| window == url.as_bytes())).then_some(packet.yiaddr)
    })?;
    ensure!(lent.octets()[..3] == GUEST.octets()[..3], "{lent} is of another network");
    Ok(lent)
}

/// DNS: a name of the internet is the device's here.
fn name_is_the_device() -> Result<String> {
    let socket = UdpSocket::bind((HOST, 0))?;
    let records = ask(&socket, (GUEST, 53), &question("connectivitycheck.gstatic.com", Rtype::A)?, records)?;
    let address = records.first().map(|(_, data)| data.clone()).context("no address")?;
    ensure!(address == GUEST.to_string(), "it is {address}");
    Ok(address)
}

/// mDNS: the device's service, its host and its address, asked of the group.
fn device_is_found() -> Result<Vec<String>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, MDNS_PORT))?;
    socket.join_multicast_v4(&MDNS, &HOST)?;
    let service = "_sockeye._tcp.local";
    let answer = ask(&socket, (MDNS, MDNS_PORT), &question(service, Rtype::PTR)?, |bytes| {
        records(bytes).filter(|records| records.iter().any(|(name, _)| name == service))
    })?;
    let host = format!("{NAME}.local");
    let told = |owner: &str, data: &str| {
        let found = answer.iter().find(|(name, told)| name == owner && told.contains(data));
        found.map(|(name, told)| format!("{name} is {told}")).with_context(|| format!("{owner}: no {data}: {answer:?}"))
    };
    let instance = format!("{NAME}.{service}");
    Ok(vec![
        told(service, &instance)?,
        told(&instance, &format!("{GUEST_PORT} {host}"))?,
        told(&host, &GUEST.to_string())?,
    ])
}

/// HTTP on port 80: what a phone asks its maker's host is answered with a way to the page, and the page is there.
fn phone_is_led() -> Result<String> {
    let get = |target: &str| -> Result<String> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((GUEST, 80)), ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        write!(stream, "GET {target} HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n\r\n")?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(str::from_utf8(&bytes)?.to_owned())
    };
    let found = get("/generate_204")?;
    let location = found.lines().find_map(|line| line.strip_prefix("Location: ")).context("no way to the page")?;
    ensure!(found.starts_with("HTTP/1.1 302 "), "{found}");
    let page = get(location)?;
    ensure!(page.starts_with("HTTP/1.1 200 ") && page.contains("lm35"), "{page}");
    Ok(location.to_owned())
}

/// Answers questions for the time until the device has it: it is the beginning of 2030. A device does not take an answer
/// that comes late, and asks again.
fn tell_time(socket: &UdpSocket, is_known: &AtomicBool) -> Result<()> {
    socket.set_read_timeout(Some(POLL))?;
    while !is_known.load(Ordering::SeqCst) {
        let mut asked = [0; 48];
        let Ok((_, peer)) = socket.recv_from(&mut asked) else { continue };
        let mut answer = [0; 48];
        // No warning, version 4, server; stratum 1; the client's time comes back (RFC 4330 section 4).
        (answer[0], answer[1]) = (0x24, 1);
        answer[24..32].copy_from_slice(&asked[40..48]);
        for at in [16, 32, 40] {
            answer[at..at + 4].copy_from_slice(&(NTP_1970 + NEW_YEAR_S as u32).to_be_bytes());
        }
        socket.send_to(&answer, peer)?;
    }
    Ok(())
}

/// The device's own TIME, once it has heard of it.
fn time_is_known() -> Result<u64> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((GUEST, GUEST_PORT)), ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let (mut told, start) = (0, Instant::now());
    while start.elapsed() < LONGEST_WAIT {
        stream.write_all(b"TIME\r\n")?;
        let mut bytes = [0; 100];
        let len = stream.read(&mut bytes)?;
        // `*2`, `$10`, and the seconds.
        told = str::from_utf8(&bytes[..len])?.lines().nth(2).unwrap_or_default().parse()?;
        if (NEW_YEAR_S..NEW_YEAR_S + LONGEST_WAIT.as_secs()).contains(&told) {
            return Ok(told);
        }
        thread::sleep(POLL);
    }
    bail!("to the device it is {told} s after 1970")
}

fn question(name: &str, kind: Rtype) -> Result<Vec<u8>> {
    let mut message = MessageBuilder::new_vec().question();
    message.header_mut().set_id(7);
    message.push((Name::<Vec<u8>>::from_chars(name.chars())?, kind, Class::IN))?;
    Ok(message.finish())
}

/// Names and data of an answer's records, none of what isn't an answer.
fn records(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let message = Message::from_octets(bytes).ok().filter(|message| message.header().qr())?;
    let (_, answers, _, additional) = message.sections().ok()?;
    let record = |record: domain::base::ParsedRecord<'_, _>| {
        let data = record.to_any_record::<AllRecordData<_, _>>().ok()?;
        Some((record.owner().to_vec().to_string(), data.data().to_string()))
    };
    answers.chain(additional).map(|parsed| record(parsed.ok()?)).collect()
}
