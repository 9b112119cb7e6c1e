//! A session's subscriptions, and its mailbox of messages.

use heapless::{Deque, String, Vec};

use crate::glob;
use crate::limits::{CHANNEL_LEN_MAX, MAILBOX_LEN, SUBSCRIPTIONS_MAX};
use crate::value::{Decimal, Value};

/// A channel is the name of a reading, a pattern stands for several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Channel,
    Pattern,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) scope: Scope,
    text: String<CHANNEL_LEN_MAX, u8>,
}

impl Subscription {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn matches(&self, channel: &str) -> bool {
        match self.scope {
            Scope::Channel => self.text == channel,
            Scope::Pattern => glob::matches(self.text.as_bytes(), channel.as_bytes()),
        }
    }
}

/// A message to a subscriber: a sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    /// Which of the session's subscriptions it is for.
    pub(crate) subscription: u8,
    pub(crate) reading: u8,
    decimals: u8,
    value: Value,
}

impl Message {
    pub(crate) fn value(&self) -> Decimal {
        self.value.with_decimals(self.decimals)
    }
}

/// Why a session can't subscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubscribeError {
    /// No channel has such a name, and no pattern of this length is needed for any.
    TooLong,
    TooMany,
}

/// The subscriptions of one session, and its mailbox.
///
/// A mailbox is bounded: one message too many drops the oldest, because the newest sample is the one that matters.
#[derive(Debug)]
pub(crate) struct Subscriber {
    subscriptions: Vec<Subscription, SUBSCRIPTIONS_MAX, u8>,
    mailbox: Deque<Message, MAILBOX_LEN>,
    /// Number of the next line of the log for the session; None if the session has not subscribed to the log. The lines
    /// wait in the log itself.
    pub(crate) log: Option<u32>,
}

impl Subscriber {
    pub(crate) const fn new() -> Self {
        Self { subscriptions: Vec::new(), mailbox: Deque::new(), log: None }
    }

    /// How many subscriptions of this scope there are.
    pub(crate) fn count(&self, scope: Scope) -> usize {
        self.of(scope).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// The first subscription of this scope.
    pub(crate) fn first(&self, scope: Scope) -> Option<&Subscription> {
        self.of(scope).next()
    }

    pub(crate) fn of(&self, scope: Scope) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.iter().filter(move |subscription| subscription.scope == scope)
    }

    pub(crate) fn has(&self, scope: Scope, text: &[u8]) -> bool {
        self.position(scope, text).is_some()
    }

    /// Subscribes; twice is as good as once.
    pub(crate) fn add(&mut self, scope: Scope, text: &[u8]) -> Result<(), SubscribeError> {
        if self.has(scope, text) {
            return Ok(());
        }
        let text = core::str::from_utf8(text).ok().and_then(|text| String::try_from(text).ok());
        let text = text.ok_or(SubscribeError::TooLong)?;
        self.subscriptions.push(Subscription { scope, text }).map_err(|_| SubscribeError::TooMany)
    }

    /// Unsubscribes, and forgets what was waiting for it.
    pub(crate) fn remove(&mut self, scope: Scope, text: &[u8]) {
        let Some(position) = self.position(scope, text) else {
            return;
        };
        self.subscriptions.remove(position);
        for _ in 0..self.mailbox.len() {
            let Some(mut message) = self.mailbox.pop_front() else {
                break;
            };
            let subscription = usize::from(message.subscription);
            if subscription > position {
                message.subscription -= 1;
            }
            if subscription != position {
                // The mailbox has room for a message that was in it.
                let _ = self.mailbox.push_back(message);
            }
        }
    }

    /// Forgets what waits of a reading that is there no more.
    pub(crate) fn forget(&mut self, reading: u8) {
        for _ in 0..self.mailbox.len() {
            if let Some(message) = self.mailbox.pop_front().filter(|message| message.reading != reading) {
                // The mailbox has room for a message that was in it.
                let _ = self.mailbox.push_back(message);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.subscriptions.clear();
        self.mailbox.clear();
        self.log = None;
    }

    /// A sample came: puts it in the mailbox once for each subscription that it matches. Returns how many those are,
    /// and how many older messages had to go.
    pub(crate) fn publish(&mut self, channel: &str, reading: u8, value: Decimal) -> (u32, u32) {
        let (value, decimals) = value.parts();
        let (mut receivers, mut dropped) = (0, 0);
        for (subscription, wanted) in self.subscriptions.iter().enumerate() {
            if !wanted.matches(channel) {
                continue;
            }
            if self.mailbox.is_full() {
                self.mailbox.pop_front();
                dropped += 1;
            }
            let message = Message { subscription: subscription as u8, reading, decimals, value };
            // There is room now.
            let _ = self.mailbox.push_back(message);
            receivers += 1;
        }
        (receivers, dropped)
    }

    pub(crate) fn has_mail(&self) -> bool {
        !self.mailbox.is_empty()
    }

    /// The oldest message, and whom it is for.
    pub(crate) fn mail(&self) -> Option<(Message, &Subscription)> {
        let message = *self.mailbox.front()?;
        Some((message, self.subscriptions.get(usize::from(message.subscription))?))
    }

    /// The oldest message was written.
    pub(crate) fn delivered(&mut self) {
        self.mailbox.pop_front();
    }

    fn position(&self, scope: Scope, text: &[u8]) -> Option<usize> {
        self.subscriptions.iter().position(|known| known.scope == scope && known.text.as_bytes() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(value: i32) -> Decimal {
        Value(value).with_decimals(0)
    }

    fn mail(subscriber: &mut Subscriber) -> std::vec::Vec<(std::string::String, i32)> {
        let mut mail = std::vec::Vec::new();
        while let Some((message, subscription)) = subscriber.mail() {
            mail.push((subscription.text().into(), message.value().parts().0.0));
            subscriber.delivered();
        }
        mail
    }

    #[test]
    fn overflow_drops_the_oldest_and_counts() {
        let mut subscriber = Subscriber::new();
        subscriber.add(Scope::Channel, b"lm35").unwrap();
        for value in 0..MAILBOX_LEN as i32 + 3 {
            let dropped = u32::from(value >= MAILBOX_LEN as i32);
            assert_eq!(subscriber.publish("lm35", 0, whole(value)), (1, dropped));
        }
        let mail = mail(&mut subscriber);
        assert_eq!(mail.len(), MAILBOX_LEN);
        assert_eq!(mail[0], ("lm35".into(), 3));
    }

    #[test]
    fn a_sample_goes_to_each_subscription_that_matches() {
        let mut subscriber = Subscriber::new();
        subscriber.add(Scope::Channel, b"lm35").unwrap();
        subscriber.add(Scope::Pattern, b"l*").unwrap();
        subscriber.add(Scope::Pattern, b"x*").unwrap();
        assert_eq!(subscriber.publish("lm35", 0, whole(1)), (2, 0));
        assert_eq!(subscriber.publish("l", 1, whole(2)), (1, 0));
        assert_eq!(mail(&mut subscriber), [("lm35".into(), 1), ("l*".into(), 1), ("l*".into(), 2)]);
    }

    #[test]
    fn unsubscribing_keeps_the_mail_of_the_others() {
        let mut subscriber = Subscriber::new();
        for channel in ["a", "b", "c"] {
            subscriber.add(Scope::Channel, channel.as_bytes()).unwrap();
        }
        for channel in ["a", "b", "c", "b", "a"] {
            subscriber.publish(channel, 0, whole(channel.as_bytes()[0].into()));
        }
        subscriber.remove(Scope::Channel, b"b");
        let kept = mail(&mut subscriber);
        assert_eq!(kept, [("a".into(), 97), ("c".into(), 99), ("a".into(), 97)]);
    }

    #[test]
    fn subscriptions_are_bounded() {
        let mut subscriber = Subscriber::new();
        assert_eq!(subscriber.add(Scope::Channel, &[b'x'; CHANNEL_LEN_MAX + 1]), Err(SubscribeError::TooLong));
        for byte in 0..SUBSCRIPTIONS_MAX as u8 {
            subscriber.add(Scope::Channel, &[byte]).unwrap();
        }
        assert_eq!(subscriber.add(Scope::Pattern, b"*"), Err(SubscribeError::TooMany));
        assert_eq!(subscriber.add(Scope::Channel, &[0]), Ok(()));
    }
}
