//! What the desktop is asked, by its room and by the daemon, against real message buses:
//! notification servers, logind as `python3-dbusmock` mocks it, and portals and user managers that
//! do what a test wants.

mod away;
mod manager;
mod notifications;
mod openers;
mod portal;
mod presence;
mod reminded;
mod screen;
mod server;

use crate::message_bus::PrivateBus;
