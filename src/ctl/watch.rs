//! `ucssoctl status --watch`: the picture, drawn anew on each change and each second.
//!
//! On a terminal it has a screen of its own, which is left as it was found however the command
//! ends. In a pipe every change is one more picture, or one line of JSON, and seconds pass
//! silently.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tonic::Status;

use super::{
    error::Error,
    json,
    render::View,
    signals::{Signals, Told},
    terminal::{self, Canvas},
};
use crate::rpc::{
    client::Client,
    proto::{GetStatusResponse, WatchStatusRequest},
};

/// Shows the status until somebody ends it or the daemon goes away.
pub(super) async fn run(
    client: &Client,
    clusters: Vec<String>,
    as_json: bool,
) -> Result<ExitCode, Error> {
    let request = WatchStatusRequest { clusters };
    let mut stream = client.broker().watch_status(request).await?.into_inner();
    let mut signals = Signals::new()?;
    let animated = !as_json && Canvas::of_stdout() != Canvas::Plain;
    let mut screen = animated.then(Screen::enter).transpose()?;
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut latest: Option<(GetStatusResponse, Timestamp)> = None;

    loop {
        let changed = tokio::select! {
            // Cancel safe: a message that was not taken yet stays in the stream.
            message = stream.message() => {
                let Some(message) = message? else { return Err(Status::unavailable("the stream ended").into()) };
                let status = message.status.ok_or(Error::Incomplete("status"))?;
                latest = Some((status, terminal::now().timestamp()));
                true
            }
            // Cancel safe: neither a tick nor a signal carries anything.
            _ = second.tick(), if screen.is_some() => false,
            told = signals.next() => match told {
                // Whoever stopped it may have drawn something else meanwhile.
                Told::Resize | Told::Resume => {
                    screen.iter_mut().for_each(Screen::forget);
                    false
                }
                Told::Interrupt | Told::End => return Err(Error::Interrupted),
            },
        };
        let Some((status, received)) = &latest else { continue };
        match &mut screen {
            Some(screen) => screen.draw(picture(status, *received))?,
            None if changed && as_json => terminal::out(&json::status_line(status))?,
            None if changed => terminal::out(&format!("{}\n", picture(status, *received)))?,
            None => {}
        }
    }
}

/// The picture now of a status that came some time ago.
fn picture(status: &GetStatusResponse, received: Timestamp) -> String {
    let now = terminal::now();
    let elapsed = Duration::try_from(now.timestamp().duration_since(received)).unwrap_or_default();
    View { status, elapsed, now: &now, canvas: Canvas::of_stdout() }.draw()
}

/// The terminal's other screen, without a cursor. Dropping it gives back the first one.
///
/// Its control sequences do not go through `anstream`: they are no colours, and `NO_COLOR` does
/// not mean them.
#[derive(Debug)]
struct Screen {
    /// What is on it.
    picture: String,
}

impl Screen {
    /// The other screen, without a cursor; a line that is too long is cut, not wrapped, because
    /// the rows are counted.
    const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
    const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
    const HOME: &str = "\x1b[H";
    const CLEAR_LINE: &str = "\x1b[K";
    const CLEAR_BELOW: &str = "\x1b[J";

    fn enter() -> Result<Self, Error> {
        control(Self::ENTER).map_err(Error::Output)?;
        Ok(Self { picture: String::new() })
    }

    /// Draws a picture over the one before, unless nothing changed: clearing the screen first
    /// would flicker.
    fn draw(&mut self, picture: String) -> Result<(), Error> {
        if picture == self.picture {
            return Ok(());
        }
        let (_, rows) = terminal::size();
        let lines: Vec<_> = picture.lines().collect();
        let fitting = if lines.len() < rows { lines.len() } else { rows.saturating_sub(2) };
        control(Self::HOME).map_err(Error::Output)?;
        for line in &lines[..fitting] {
            // Cleared before and not after it: behind a full line, the cursor is on its end.
            control(Self::CLEAR_LINE).map_err(Error::Output)?;
            terminal::out(line)?;
            control("\r\n").map_err(Error::Output)?;
        }
        let hidden = lines.len() - fitting;
        let rest = if hidden > 0 { format!("({hidden} more lines)") } else { String::new() };
        control(&format!("{}{rest}", Self::CLEAR_BELOW)).map_err(Error::Output)?;
        self.picture = picture;
        Ok(())
    }

    /// Forgets what is on the screen: the terminal has moved it.
    fn forget(&mut self) {
        self.picture.clear();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to give back.
        let _ = control(Self::LEAVE);
    }
}

fn control(sequence: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(sequence.as_bytes())?;
    stdout.flush()
}
