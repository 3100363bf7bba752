//! How a human is asked: a loopback listener, two pages, and a program that opens a URL.
//!
//! Knows URLs, not OAuth: it delivers the query and the fragment of the redirect to whoever
//! expects them and does not look inside. Tokens pass through here; none is kept, logged or
//! shown. Called by `cisco`, put together by `daemon`.
