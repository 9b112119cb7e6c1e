//! The production server in simulated time. What there is to see is in `tests`.
