//! A radio whose events are the script's.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use sockeye_wifi::{Action, ApSecurity, Event, Ip, JoinError, Radio, ScanResult, Security};

/// The actions that the radio was given, and the events that it has yet to report.
#[derive(Clone, Default)]
pub struct Script(Rc<RefCell<Shared>>);

#[derive(Default)]
struct Shared {
    actions: Vec<String>,
    events: VecDeque<Event>,
    restarts_ap: bool,
}

impl Script {
    /// Another network to join restarts the access point.
    pub fn restart_ap(&self) {
        self.0.borrow_mut().restarts_ap = true;
    }

    /// The radio's actions since the last call.
    pub fn actions(&self) -> String {
        std::mem::take(&mut self.0.borrow_mut().actions).join(", ")
    }

    /// The radio tells this.
    pub fn tell(&self, words: &[&str]) {
        let number = |index: usize| words[index].parse().unwrap();
        self.0.borrow_mut().events.push_back(match words[0] {
            "joined" => Event::Joined,
            "not-found" => Event::JoinFailed(JoinError::NotFound),
            "wrong-password" => Event::JoinFailed(JoinError::WrongPassword),
            "left" => Event::Left,
            "address" => Event::Address(words[1].parse().unwrap()),
            "address-lost" => Event::AddressLost,
            "ap-started" => Event::ApStarted,
            "ap-stopped" => Event::ApStopped,
            "ap-clients" => Event::ApClients(words[1].parse().unwrap()),
            "heard" => {
                let security = if words.len() > 3 { Security::Open } else { Security::Password };
                Event::ScanResult(ScanResult { ssid: words[1].try_into().unwrap(), rssi_dbm: number(2), security })
            }
            "scanned" => Event::ScanDone,
            "scan-failed" => Event::ScanFailed,
            word => panic!("no event {word}"),
        });
    }

    pub fn has_events(&self) -> bool {
        !self.0.borrow().events.is_empty()
    }
}

impl Radio for Script {
    fn restarts_ap(&self) -> bool {
        self.0.borrow().restarts_ap
    }

    async fn act(&mut self, action: Action) {
        let text = match action {
            Action::Configure(config) => {
                format!("configure {} {}", str::from_utf8(&config.country).unwrap(), config.power_save)
            }
            Action::StartAp(config) => {
                let security = match config.security {
                    ApSecurity::FactoryPassphrase => "own",
                    ApSecurity::Passphrase(_) => "set",
                    ApSecurity::Open => "open",
                };
                format!("start {} {}/{} {security}", config.ssid, config.address, config.prefix_len)
            }
            Action::StopAp => "stop".into(),
            Action::Join(join) => {
                let ip = match join.network.ip {
                    Ip::Dhcp => "dhcp".into(),
                    Ip::Static(ip) => format!("{}/{} {:?}", ip.address, ip.prefix_len, ip.gateway),
                };
                format!("join {} '{}' {ip} as {}", join.network.ssid, join.network.password.as_str(), join.host_name)
            }
            Action::Leave => "leave".into(),
            Action::Scan => "scan".into(),
        };
        self.0.borrow_mut().actions.push(text);
    }

    async fn event(&mut self) -> Event {
        // A waiting task is polled again after each line of the script.
        poll_fn(|_| self.0.borrow_mut().events.pop_front().map_or(Poll::Pending, Poll::Ready)).await
    }
}
