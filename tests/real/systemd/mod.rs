//! The daemon under a real `systemd --user`: started by whoever asks first, in its sandbox, and
//! back after whatever ended it.

mod activation;
mod reload;
mod sandbox;
mod survival;
mod upkeep;
