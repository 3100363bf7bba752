//! What the desktop is asked: to show a notification, to open a URL, and whether the human is
//! there.
//!
//! All of it over D-Bus, and none of it needed: without a bus, a desktop or a session everything
//! in here ends with a [`Fault`] within seconds and the caller does without. Never in here: what
//! a login is, or when a human may be asked. The opener of this room calls `portal` and `unit`;
//! `daemon` puts [`Notifier`] and [`Presence`] together.
//!
//! | file | owns |
//! | --- | --- |
//! | `activation` | the leave to raise a window |
//! | `bus` | where a bus is, and calls on it that end |
//! | `fault` | why a service was of no use |
//! | `notification` | a notification with its buttons, and the answer |
//! | `portal` | the desktop portal, which opens a URL |
//! | `unit` | the user manager, which runs a program outside our sandbox |
//! | `presence` | whether the human is there |
//! | `sessions` | what logind knows of that |
//! | `saver` | what a screen saver knows of that |

mod activation;
mod bus;
mod fault;
mod notification;
mod portal;
mod presence;
mod saver;
mod sessions;
mod unit;

use aws_lc_rs::rand;

pub(super) use activation::{Activation, VARIABLES};
pub use bus::Bus;
pub use fault::Fault;
pub use notification::{Answer, Notice, Notifier};
pub(super) use portal::Opened;
pub use presence::{Presence, Sight};

use bus::Link;

/// The desktop behind a session bus, as far as it opens URLs.
pub(super) struct Desktop(Link);

impl Desktop {
    /// Connects to its bus.
    pub(super) async fn reach(bus: &Bus) -> Result<Self, Fault> {
        bus.connect().await.map(Self)
    }

    /// Whether there is a display to open a window on. The portal and the user manager start
    /// programs with the environment of the latter, and a browser without a display ends
    /// where nobody sees it. If there is no manager to ask, the portal may know.
    pub(super) async fn has_display(&self) -> bool {
        unit::has_display(&self.0).await.unwrap_or(true)
    }

    /// Opens a URL through the desktop portal.
    pub(super) async fn open_by_portal(
        &self,
        url: &str,
        token: Option<&str>,
    ) -> Result<Opened, Fault> {
        portal::open(&self.0, url, token).await
    }

    /// Runs a program that opens a URL in a unit of the user manager.
    pub(super) async fn run_in_unit(
        &self,
        words: impl IntoIterator<Item = &str>,
        token: Option<&str>,
    ) -> Result<(), Fault> {
        unit::run(&self.0, words, token).await
    }
}

/// A name that nobody has used before and nobody can guess, of characters that a D-Bus path and
/// a unit name may have.
fn fresh_name() -> String {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).expect("the random source of the system, once seeded, never fails");
    format!("ucsso_{:016x}", u64::from_ne_bytes(bytes))
}
