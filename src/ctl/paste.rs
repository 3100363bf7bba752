//! What a human pastes while a login waits: lines of standard input, and the terminal they come
//! from.
//!
//! There is a token in such a line. So a terminal does not show it, and does not cut it: as long
//! as a terminal edits lines itself, it keeps no more than 4095 bytes of one (termios(3)). Where
//! nobody can paste anything, in the background or from a file, nothing is read. Called by `login`.

use std::{io, thread};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, fstat},
    io::{Errno, read},
    process::getpgrp,
    termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
    },
};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// The longest line, in bytes: as long as an address may be.
pub(super) const LONGEST: usize = 64 * 1024;

/// How much is read at once, in bytes.
const CHUNK: usize = 4096;

/// How often a job in the background looks whether it is in the foreground again.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Bytes with which one edits a line on a terminal.
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const CLEAR: u8 = 0x15;
const END: u8 = 0x04;

/// Standard input, as long as something may be pasted into it.
pub(super) struct Paste {
    chunks: mpsc::Receiver<Chunk>,
    quiet: Option<Quiet>,
    line: Line,
    chunk: Chunk,
    at: usize,
    ended: bool,
}

type Chunk = Zeroizing<Vec<u8>>;

/// What was pasted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pasted {
    /// A line, without its end.
    Line(Zeroizing<String>),
    /// More than an address may have.
    TooLong,
    /// Bytes that are not UTF-8.
    NotText,
}

impl Paste {
    /// `None` where there is neither a terminal in whose foreground this runs nor a pipe.
    pub(super) fn open() -> Option<Self> {
        let quiet = match tcgetattr(io::stdin()) {
            Ok(_) if in_background() => return None,
            Ok(before) => Some(Quiet::enter(before).ok()?),
            Err(_) if is_pipe() => None,
            Err(_) => return None,
        };
        let (sender, chunks) = mpsc::channel(1);
        // A thread that is not waited for: it ends with the program, whatever it reads from.
        thread::Builder::new().spawn(move || read_on(&sender)).ok()?;
        let (line, chunk) = (Line::default(), Chunk::default());
        Some(Self { chunks, quiet, line, chunk, at: 0, ended: false })
    }

    /// The next line that is not blank; none ever, after the end of the input.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; the next call goes on where it was.
    pub(super) async fn next(&mut self) -> Pasted {
        loop {
            if let Some(pasted) = self.next_read() {
                return pasted;
            }
            if self.ended {
                return std::future::pending().await;
            }
            let chunk = self.chunks.recv().await;
            self.ended = chunk.is_none();
            (self.chunk, self.at) = (chunk.unwrap_or_default(), 0);
        }
    }

    /// The next line in what was read. The end of the input ends a line, too.
    fn next_read(&mut self) -> Option<Pasted> {
        while let Some(byte) = self.chunk.get(self.at).copied() {
            self.at += 1;
            let line_ends = match byte {
                b'\n' | b'\r' => true,
                END if self.quiet.is_some() => {
                    self.ended |= self.line.is_empty();
                    false
                }
                byte => {
                    self.line.take(byte, self.quiet.is_some());
                    false
                }
            };
            if line_ends && let Some(pasted) = self.line.end() {
                return Some(pasted);
            }
        }
        if self.ended { self.line.end() } else { None }
    }

    /// Makes the terminal quiet again: whoever stopped and continued this program has set it to
    /// what suits a shell.
    pub(super) fn resume(&self) {
        if let Some(quiet) = &self.quiet
            && !in_background()
        {
            let _ = quiet.set();
        }
    }
}

/// Passes on what standard input has, until it ends or nobody wants it any more.
fn read_on(sender: &mpsc::Sender<Chunk>) {
    let stdin = io::stdin();
    loop {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None) {
            // Reading a terminal in the background would stop this program.
            Ok(_) if in_background() => drop(poll(&mut [], Some(&PATIENCE))),
            Ok(_) => {
                let mut chunk = Chunk::new(vec![0; CHUNK]);
                match read(&stdin, &mut chunk[..]) {
                    Ok(0) => return,
                    Ok(length) => chunk.truncate(length),
                    Err(Errno::INTR | Errno::AGAIN) => continue,
                    Err(_) => return,
                }
                if sender.blocking_send(chunk).is_err() {
                    return;
                }
            }
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Whether standard input is a pipe, or a socket in the place of one. Nobody pastes into a file.
fn is_pipe() -> bool {
    let kind = fstat(io::stdin()).map(|stat| FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(FileType::Fifo | FileType::Socket))
}

/// A line, as far as it was read. It never takes more memory than at first, so that no copy is
/// left behind.
struct Line {
    bytes: Zeroizing<Vec<u8>>,
    too_long: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(LONGEST)), too_long: false }
    }
}

impl Line {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn take(&mut self, byte: u8, edited: bool) {
        match byte {
            DELETE | BACKSPACE if edited => drop(self.bytes.pop()),
            CLEAR if edited => *self = Self::default(),
            byte if self.bytes.len() < LONGEST => self.bytes.push(byte),
            _ => self.too_long = true,
        }
    }

    /// What the line is, and begins the next one; `None` for a blank line.
    fn end(&mut self) -> Option<Pasted> {
        let Self { mut bytes, too_long } = std::mem::take(self);
        if too_long {
            return Some(Pasted::TooLong);
        }
        if bytes.trim_ascii().is_empty() {
            return None;
        }
        Some(match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Pasted::Line(Zeroizing::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Pasted::NotText
            }
        })
    }
}

/// A terminal that shows nothing and passes on each byte as it comes. Signals by key work.
/// Dropping it gives the terminal back as it was, without what was typed and not read.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn enter(before: Termios) -> io::Result<Self> {
        let quiet = Self { before };
        quiet.set()?;
        Ok(quiet)
    }

    fn set(&self) -> io::Result<()> {
        let mut modes = self.before.clone();
        modes.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(io::stdin(), OptionalActions::Drain, &modes)?)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // In the background the terminal is another's already.
        if !in_background() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
        }
    }
}

/// Whether the terminal listens to another job of its shell.
fn in_background() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground != getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: impl IntoIterator<Item = u8>, edited: bool) -> Option<Pasted> {
        let mut line = Line::default();
        bytes.into_iter().for_each(|byte| line.take(byte, edited));
        line.end()
    }

    fn text(text: &str) -> Pasted {
        Pasted::Line(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_line_is_edited_on_a_terminal_and_nowhere_else() {
        assert_eq!(line(*b"wrong\x15ab\x7fc\x08d", true), Some(text("ad")));
        assert_eq!(line(*b"a\x7f", false), Some(text("a\x7f")));
        assert_eq!(line(*b"\x7f\x7fa", true), Some(text("a")));
    }

    #[test]
    fn a_blank_line_is_none() {
        assert_eq!(line(*b"", false), None);
        assert_eq!(line(*b" \t ", false), None);
    }

    #[test]
    fn a_line_is_text_of_a_length_that_an_address_may_have() {
        let ys = |count| std::iter::repeat_n(b'y', count);

        assert_eq!(line(*b"a\xff", false), Some(Pasted::NotText));
        assert_eq!(line(ys(LONGEST), false), Some(text(&"y".repeat(LONGEST))));
        assert_eq!(line(ys(LONGEST + 1), false), Some(Pasted::TooLong));
        assert_eq!(line(ys(LONGEST + 1).chain([0x15, b'a']), true), Some(text("a")));
    }
}
