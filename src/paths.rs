//! Every path, once.
