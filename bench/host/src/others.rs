//! embassy-net's own sockets, and picoserve on them.

use embassy_net::StackResources;
use static_cell::ConstStaticCell;

use crate::tap::Tap;
use crate::{Executor, SLOTS, config, listening};

const SOCKETS: usize = SLOTS + 1;

/// Starts picoserve, or else the server on plain sockets.
pub fn start(executor: Executor, tap: Tap, http: bool) {
    static RESOURCES: ConstStaticCell<StackResources<SOCKETS>> = ConstStaticCell::new(StackResources::new());
    let (stack, mut runner) = embassy_net::new(tap, config(), RESOURCES.take(), 1);
    executor.spawn(async move { runner.run().await }).detach();
    for id in 0..SOCKETS {
        if http {
            executor.spawn(peers::serve_http(id, stack)).detach();
        } else {
            executor.spawn(async move { peers::serve_exchanges(stack).await }).detach();
        }
    }
    listening();
}
