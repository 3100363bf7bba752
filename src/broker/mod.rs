//! Who does what: tasks and channels, no protocol.

pub mod ports;
