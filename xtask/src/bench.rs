//! What Sockeye costs, beside what others cost on the same exchanges.

pub mod exchange;
pub mod guest;
