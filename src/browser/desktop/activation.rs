//! The leave to raise a window, on its way from a notification to the program that opens one
//! (XDG activation, `xdg-activation-v1`; Desktop Notifications Specification, `ActivationToken`).
//!
//! A desktop keeps a window in the background that nobody has asked for. Whoever clicks on a
//! notification has, and the server hands out a token that says so. It works once.

use std::sync::{Arc, Mutex, PoisonError};

/// The longest token that is passed on.
const LONGEST: usize = 256;

/// Where a token waits for the next window. A clone is the same place.
#[derive(Debug, Clone, Default)]
pub(in crate::browser) struct Activation(Arc<Mutex<Option<String>>>);

impl Activation {
    /// Leaves a token for the next window. It ends up in an environment, so one of other
    /// characters than such tokens have is no token.
    pub(in crate::browser) fn leave(&self, token: &str) {
        let proper = token.len() <= LONGEST && token.bytes().all(|byte| byte.is_ascii_graphic());
        if proper && !token.is_empty() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.to_owned());
        }
    }

    /// Takes the token.
    pub(in crate::browser) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The variables in which a program is told of a token, the one for Wayland and the one for X11.
pub(in crate::browser) const VARIABLES: [&str; 2] = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_once_by_whoever_opens_the_next_window() {
        let activation = Activation::default();

        activation.clone().leave("kwin-1");

        assert_eq!(activation.take().as_deref(), Some("kwin-1"));
        assert_eq!(activation.take(), None);
    }

    #[test]
    fn what_does_not_look_like_a_token_is_left_out() {
        let activation = Activation::default();

        for text in ["", "a b", "a\nb", "ä", &"x".repeat(257)] {
            activation.leave(text);
            assert_eq!(activation.take(), None, "{text:?}");
        }
    }
}
