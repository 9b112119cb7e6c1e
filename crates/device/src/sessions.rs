//! The connected clients: what the device keeps of each, and what waits for them.

pub(crate) mod auth_failures;
pub(crate) mod monitor;
pub(crate) mod page_view;
pub(crate) mod session;
pub(crate) mod slow_log;
pub(crate) mod subscriber;
