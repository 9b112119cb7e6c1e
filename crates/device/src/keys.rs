//! The keys, and the samples behind them.

pub(crate) mod catalog;
pub(crate) mod day;
pub(crate) mod history;
pub(crate) mod label;
pub(crate) mod remote;
pub(crate) mod series;
pub(crate) mod wired;
