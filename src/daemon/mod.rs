//! How it is put together: the only place where concrete types meet.
