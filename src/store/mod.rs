//! How tokens survive: what the broker holds, where the next daemon finds it.
//!
//! [`Store`] is the broker's vault: it makes a record of what is held at each change and hands it to
//! every [`Medium`]; a new daemon takes the newest record of each cluster up again, if it was
//! written under the same settings. `record` is its bytes, `times` what its times mean after a
//! restart, `fdstore` the service manager as a medium. Nothing in here knows Cisco, or what is to
//! be done about a token. Put together by `daemon`.

mod fdstore;
mod memfd;
mod record;
pub mod sealed;
mod shelves;
#[cfg(test)]
mod testing;
mod times;

pub use fdstore::{FdStore, Found};
pub use record::{Flaw, LARGEST, Record};
pub use shelves::{Kept, Medium, Store};
pub use times::{BootId, Reading};
