//! Keeps the listener's address equal to embassy-net's, and wakes embassy-net when it is configured.

use core::future::{Future, poll_fn};
use core::net::Ipv4Addr;
use core::pin::pin;
use core::task::Poll;

use embassy_net::{ConfigV4, Ipv4Cidr, Stack, StaticConfigV4};

use crate::listener::Interface;

impl Interface {
    /// Configures the stack of this interface. To be used instead of [`Stack::set_config_v4`], which does not wake the
    /// stack's runner. If the link is up already, a DHCP client would send nothing until a frame comes in or a timer is
    /// due.
    pub fn configure(&self, stack: Stack<'_>, config: ConfigV4) {
        stack.set_config_v4(config);
        self.poll_stack();
    }

    /// The same with a fixed address and the gateway of its network, None for none; without an address the stack is in no
    /// network. The gateway is the name server too, as it is in most homes.
    pub fn configure_static(&self, stack: Stack<'_>, address: Option<Ipv4Cidr>, gateway: Option<Ipv4Addr>) {
        let fixed = |address| StaticConfigV4 { address, gateway, dns_servers: gateway.into_iter().collect() };
        self.configure(stack, address.map_or(ConfigV4::None, |address| ConfigV4::Static(fixed(address))));
    }

    /// Waits for each change of the stack's address, sets the address here and calls `changed` with it; None when the
    /// network is down. DHCP may bring another address without a time between. The router is set too.
    ///
    /// Nothing else may wait for the stack's state: embassy-net can wake one waiter only, and two would wake each
    /// other without end.
    pub async fn follow(&self, stack: Stack<'_>, mut changed: impl FnMut(Option<Ipv4Cidr>)) -> ! {
        let mut known = None;
        loop {
            let next = poll_fn(|cx| {
                let network = stack.config_v4().map(|config| (config.address, config.gateway));
                if network != known {
                    return Poll::Ready(network);
                }
                // Either wait registers for every change of state; this one is never over now.
                match known {
                    Some(_) => pin!(stack.wait_config_down()).poll(cx).map(|()| None),
                    None => pin!(stack.wait_config_up()).poll(cx).map(|()| None),
                }
            })
            .await;
            let address_of = |network: Option<(Ipv4Cidr, _)>| network.map(|(address, _)| address);
            let (before, address) = (address_of(known), address_of(next));
            known = next;
            self.set_network(address, next.and_then(|(_, gateway)| gateway));
            if before != address {
                changed(address);
            }
        }
    }
}
