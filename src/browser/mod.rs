//! How a human is asked: a loopback listener, its pages, a program that opens a URL, and the
//! desktop.
//!
//! Knows URLs, not OAuth: it delivers the query and the fragment of the redirect to whoever
//! expects them and does not look inside. Tokens pass through here; none is kept, logged or
//! shown. Called by `cisco`, put together by `daemon`.
//!
//! One login in this room: [`Listener::prove`] makes sure that a browser would find us;
//! [`Listener::expect`] makes a ticket and its start page; the [`Opener`] opens that page; the page takes a nonce into `sessionStorage` and goes on to the
//! cluster; the cluster redirects to the landing page; the landing page posts the nonce with
//! what came back; [`Expectation::arrival`] hands it out; [`Reply::finish`] tells the human.
//!
//! | file | owns |
//! | --- | --- |
//! | `listener` | the connections and their limits |
//! | `guests` | which connection goes when there are too many |
//! | `sockets` | every address that an origin stands for |
//! | `passed` | sockets that listened before this process was there |
//! | `peer` | whose process a connection comes from, and whose has a port |
//! | `proof` | whether nobody else answers at the redirect address |
//! | `tls` | what is shown of ourselves where the origin is https |
//! | `request` | what a request must look like before anybody reads its path |
//! | `visit` | tickets, nonces, and which logins are pending |
//! | `site` | which page or answer a request gets |
//! | `page` | what the pages look like, and what their scripts may do |
//! | `verdict` | what the human is told |
//! | `by_hand` | the way in for a redirect that no browser can bring |
//! | `answer` | the headers of every answer |
//! | `refusal` | why a request was refused, and how often |
//! | `expectation` | what the caller holds while a login is pending |
//! | `open` | which way a URL is opened, and how long that may take |
//! | `program` | the program that opens a URL, and its window |
//! | `desktop` | what the desktop is asked: notifications, its portal, whether the human is there |

mod answer;
mod by_hand;
pub mod desktop;
mod error;
mod expectation;
mod guests;
mod listener;
mod open;
mod page;
mod passed;
mod peer;
mod program;
mod proof;
mod refusal;
mod request;
mod site;
mod sockets;
#[cfg(test)]
mod tests;
mod tls;
mod verdict;
mod visit;

pub use by_hand::{Admitted, ByHand};
pub use error::Error;
pub use expectation::{Arrival, Expectation, Landing, Reply, Route};
pub use listener::Listener;
pub use open::{Environment, Opener};
pub use passed::Passed;
pub use program::Window;
pub use refusal::{Refusal, Refusals};
