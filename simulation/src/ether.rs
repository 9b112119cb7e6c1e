//! The ether: frames between network cards, which may be lost, late, doubled or overtaken.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use embassy_net::driver::{HardwareAddress, LinkState};
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, Instant, Timer};

use crate::leak;

/// Bytes of a frame.
pub const FRAME_LEN_MAX: usize = 1514;
/// Frames that a network card holds each way.
const CARD_FRAMES: usize = 8;

/// A network's place: who is in the same one hears one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The device's access point.
    AccessPoint,
    /// That of a router.
    Router(usize),
}

/// How frames fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkConditions {
    /// Frames lost of a thousand.
    pub loss: u16,
    /// Frames that come twice, of a thousand.
    pub twice: u16,
    /// The longest that a frame takes, microseconds; with more than the least, frames overtake one another.
    pub latency_us_max: u32,
}

impl LinkConditions {
    /// The least that a frame takes, microseconds.
    const LATENCY_US_MIN: u32 = 500;
    /// Nothing is lost, and frames keep their order.
    pub const FAIR: Self = Self { loss: 0, twice: 0, latency_us_max: Self::LATENCY_US_MIN };

    /// Whether nothing happens to frames but time.
    pub fn is_fair(self) -> bool {
        self == Self::FAIR
    }
}

/// Number of a network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Card(usize);

struct CardState {
    mac: [u8; 6],
    runner: channel::Runner<'static, FRAME_LEN_MAX>,
    place: Option<Place>,
}

struct State {
    random: fastrand::Rng,
    conditions: LinkConditions,
    /// When they changed.
    changed: Instant,
    cards: Vec<CardState>,
    /// Frames under way, by when they come and in the order in which they left.
    flying: BTreeMap<(Instant, u64), (Card, Place, Vec<u8>)>,
    frames: u64,
    /// The radio of this place listens elsewhere until then; frames wait, as access points keep them.
    away: BTreeMap<Place, Instant>,
    waker: Option<Waker>,
}

/// The ether. Clones are the same.
#[derive(Clone)]
pub struct Ether(Rc<RefCell<State>>);

/// A network card's driver, for embassy-net or for the listener.
pub type Driver = channel::Device<'static, FRAME_LEN_MAX>;

impl Ether {
    /// Fair conditions.
    pub fn new(random: fastrand::Rng) -> Self {
        Self(Rc::new(RefCell::new(State {
            random,
            conditions: LinkConditions::FAIR,
            changed: Instant::MIN,
            cards: Vec::new(),
            flying: BTreeMap::new(),
            frames: 0,
            away: BTreeMap::new(),
            waker: None,
        })))
    }

    /// The conditions changes.
    pub fn set_conditions(&self, conditions: LinkConditions) {
        let mut state = self.0.borrow_mut();
        (state.conditions, state.changed) = (conditions, Instant::now());
    }

    /// The conditions.
    pub fn conditions(&self) -> LinkConditions {
        self.0.borrow().conditions
    }

    /// When they last changed.
    pub fn changed(&self) -> Instant {
        self.0.borrow().changed
    }

    /// A new network card, which is nowhere.
    pub fn card(&self, mac: [u8; 6]) -> (Card, Driver) {
        let mut state = self.0.borrow_mut();
        let number = state.cards.len();
        let (runner, driver) = channel::new(
            leak(channel::State::<FRAME_LEN_MAX, CARD_FRAMES, CARD_FRAMES>::new()),
            HardwareAddress::Ethernet(mac),
        );
        state.cards.push(CardState { mac, runner, place: None });
        state.wake();
        (Card(number), driver)
    }

    /// Moves a card to a place, or out of the air.
    pub fn set_place(&self, card: Card, place: Option<Place>) {
        let mut state = self.0.borrow_mut();
        let card = &mut state.cards[card.0];
        card.place = place;
        card.runner.set_link_state(if place.is_some() { LinkState::Up } else { LinkState::Down });
        state.wake();
    }

    /// The card is out of the air, and its host doesn't know: nothing comes in, and what it sends is lost.
    pub fn vanish(&self, card: Card) {
        self.0.borrow_mut().cards[card.0].place = None;
    }

    /// A card's MAC address.
    pub fn mac(&self, card: Card) -> [u8; 6] {
        self.0.borrow().cards[card.0].mac
    }

    /// Where a card is.
    pub fn place(&self, card: Card) -> Option<Place> {
        self.0.borrow().cards[card.0].place
    }

    /// Nothing is heard at `place` for a time: its radio is on another channel.
    pub fn go_away(&self, place: Place, duration: Duration) {
        let end = Instant::now() + duration;
        self.0.borrow_mut().away.insert(place, end);
    }

    /// Carries frames for ever.
    pub async fn run(self) {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        state.waker = Some(cx.waker().clone());
        state.collect(cx);
        let now = Instant::now();
        while let Some(entry) = state.flying.first_entry().filter(|entry| entry.key().0 <= now) {
            let (card, place, frame) = entry.remove();
            state.deliver(card, place, &frame);
        }
        if let Some(((due, _), _)) = state.flying.first_key_value() {
            let _ = pin!(Timer::at(*due)).poll(cx);
        }
        Poll::Pending
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Takes what all cards want to send.
    fn collect(&mut self, cx: &mut Context<'_>) {
        for from in 0..self.cards.len() {
            while let Poll::Ready(frame) = self.cards[from].runner.poll_tx_buf(cx) {
                let frame = frame.to_vec();
                self.cards[from].runner.tx_done();
                if let Some(place) = self.cards[from].place {
                    self.send(from, place, &frame);
                }
            }
        }
    }

    fn send(&mut self, from: usize, place: Place, frame: &[u8]) {
        let is_for = |card: &CardState| frame[0] & 1 == 1 || frame[..6] == card.mac;
        let there = |(index, card): &(usize, &CardState)| *index != from && card.place == Some(place) && is_for(card);
        let receivers: Vec<_> = self.cards.iter().enumerate().filter(there).map(|(index, _)| Card(index)).collect();
        for receiver in receivers {
            if self.random.u16(..1_000) < self.conditions.loss {
                continue;
            }
            let times = if self.random.u16(..1_000) < self.conditions.twice { 2 } else { 1 };
            for _ in 0..times {
                let us = self.random.u32(LinkConditions::LATENCY_US_MIN..=self.conditions.latency_us_max);
                let start = self.away.get(&place).map_or(Instant::now(), |end| Instant::now().max(*end));
                let due = start + Duration::from_micros(us.into());
                self.frames += 1;
                self.flying.insert((due, self.frames), (receiver, place, frame.to_vec()));
            }
        }
    }

    /// A card that has gone since doesn't receive the frame; a card without room loses it.
    fn deliver(&mut self, card: Card, place: Place, frame: &[u8]) {
        let card = &mut self.cards[card.0];
        if card.place == Some(place)
            && let Some(buf) = card.runner.try_rx_buf()
        {
            buf[..frame.len()].copy_from_slice(frame);
            card.runner.rx_done(frame.len());
        }
    }
}
