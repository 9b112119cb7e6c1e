//! Keeps the listener's address equal to embassy-net's.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_net::{Ipv4Cidr, Stack};

use crate::listener::Interface;

impl Interface {
    /// Waits for each change of the stack's address, sets it here and tells `changed`: an address when the network is
    /// up, none when it is down. DHCP may bring another address without a time between.
    ///
    /// Nothing else may wait for the stack's state: embassy-net can wake one waiter only, and two would wake each
    /// other without end.
    pub async fn follow(&self, stack: Stack<'_>, mut changed: impl FnMut(Option<Ipv4Cidr>)) -> ! {
        let mut known = None;
        loop {
            known = poll_fn(|cx| {
                let address = stack.config_v4().map(|config| config.address);
                if address != known {
                    return Poll::Ready(address);
                }
                // Either wait registers for every change of state; this one is never over now.
                match known {
                    Some(_) => pin!(stack.wait_config_down()).poll(cx).map(|()| None),
                    None => pin!(stack.wait_config_up()).poll(cx).map(|()| None),
                }
            })
            .await;
            self.set_address(known);
            changed(known);
        }
    }
}
