//! Stalled clients hold up nobody else.

use anyhow::{Context, ensure};

use crate::case::{Case, CaseResult};
use crate::limits::RECOVER_MAX;
use crate::slots;
use crate::target::Target;
use crate::test_client::ask;

pub const CASES: &[Case] = &[Case::new("requests_beside_stalled_clients", requests_beside_stalled_clients)];

/// Requests that are answered while all slots but one are held.
const REQUEST_COUNT: usize = 50;

/// Every request is answered while every stalled client still holds its slot.
///
/// A server that serves one client after the other, or that ends a stalled client before it serves
/// the next, fails, however fast it is. `cargo xtask instructions` has what stalled clients cost.
fn requests_beside_stalled_clients(target: &Target) -> CaseResult {
    slots::while_kept(|| {
        let stalled = slots::hold(target, target.slots_but_one())?;
        for number in 1..=REQUEST_COUNT {
            ask(target, b"beside stalled clients\n")?.expect_hello().with_context(|| format!("request {number}"))?;
            for client in &stalled {
                ensure!(client.is_quiet()?, "request {number} was answered after a stalled client was sent away");
            }
        }
        Ok(())
    })?;
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("{REQUEST_COUNT} answered beside {} stalled", target.slots_but_one()))
}
