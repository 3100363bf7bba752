//! One cluster's record, as bytes.
//!
//! ```text
//! 8   "ucssorec"
//! 4   version of what follows
//! 4   length of the body
//! n   body: numbers big-endian; texts with their length before them
//! 32  SHA-256 of all of that
//! ```
//!
//! Read strictly: whatever this daemon would not have written is damaged, and a later version's is
//! told apart so that it can be left alone. Every buffer that has the token in it is cleared when
//! it is dropped. What the times in it mean after a restart is in `times`.

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::times::{BootId, Reading};
use crate::domain::{
    AttemptId, ClusterName, Fingerprint, Generation, Grant, Held, Lapse, Learned, Secret,
    Timestamp, Token,
};

const MAGIC: [u8; 8] = *b"ucssorec";

/// The version that this daemon reads and writes.
const VERSION: u32 = 1;

/// What comes before the body.
const HEADER: usize = MAGIC.len() + 4 + 4;

const CHECKSUM: usize = 32;

/// The largest record, in bytes: far more than a redirect can bring.
pub const LARGEST: usize = 256 * 1024;

/// What is kept of a cluster, and what has to be known to take it up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Counts the records, over all clusters and restarts.
    pub serial: u64,
    /// Which cluster.
    pub cluster: ClusterName,
    /// Under which settings.
    pub fingerprint: Fingerprint,
    /// When it was written.
    pub written: Reading,
    /// What was held. Its times are those of the broker's clock.
    pub held: Held,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// They may be one for a later daemon.
    #[error("a later version of ucssod wrote it (version {version})")]
    LaterVersion {
        /// The version.
        version: u32,
    },
    /// They are none, or not the whole one.
    #[error("it is damaged")]
    Damaged,
}

impl Record {
    /// The record as bytes.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { serial, cluster, fingerprint, written, held } = self;
        let mut bytes = Writer::with_room_for(held);
        bytes.raw(&MAGIC);
        bytes.raw(&VERSION.to_be_bytes());
        bytes.raw(&[0; 4]);
        bytes.number(*serial);
        bytes.text(cluster.as_str());
        bytes.raw(&fingerprint.0);
        bytes.raw(&written.boot.0);
        bytes.number(written.since_boot);
        bytes.time(written.now);
        bytes.time(written.wall);
        bytes.number(held.last_attempt.0);
        let Learned { owner, returns_state } = &held.learned;
        bytes.raw(&[u8::from(*returns_state), u8::from(owner.is_some())]);
        if let Some(owner) = owner {
            bytes.text(owner);
        }
        bytes.raw(&[lapse_to_number(held.token.as_ref().err().copied())]);
        if let Ok(Token { generation, grant }) = &held.token {
            bytes.number(generation.0);
            bytes.text(grant.secret.expose());
            bytes.text(&grant.user);
            bytes.text(&grant.node);
            bytes.time(grant.obtained_at);
            bytes.time(grant.expires_at);
        }
        bytes.finish()
    }

    /// The record in these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Flaw> {
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or(Flaw::Damaged)?;
        let mut header = Reader(header);
        if header.array()? != MAGIC {
            return Err(Flaw::Damaged);
        }
        match u32::from_be_bytes(header.array()?) {
            VERSION => {}
            // There is no version before the first.
            ..VERSION => return Err(Flaw::Damaged),
            version => return Err(Flaw::LaterVersion { version }),
        }
        let length = usize::try_from(u32::from_be_bytes(header.array()?));
        let (body, checksum) = length
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .filter(|(_, checksum)| checksum.len() == CHECKSUM)
            .ok_or(Flaw::Damaged)?;
        if digest(&SHA256, &bytes[..bytes.len() - CHECKSUM]).as_ref() != checksum {
            return Err(Flaw::Damaged);
        }
        let mut body = Reader(body);
        let record = Self {
            serial: body.number()?,
            cluster: body.text()?.parse().map_err(|_| Flaw::Damaged)?,
            fingerprint: Fingerprint(body.array()?),
            written: Reading {
                boot: BootId(body.array()?),
                since_boot: body.number()?,
                now: body.time()?,
                wall: body.time()?,
            },
            held: body.held()?,
        };
        if body.0.is_empty() { Ok(record) } else { Err(Flaw::Damaged) }
    }
}

/// Bytes that never move while they grow: the allocator would keep a copy of the token.
struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    fn with_room_for(held: &Held) -> Self {
        let texts = match &held.token {
            Ok(Token { grant, .. }) => {
                grant.secret.expose().len() + grant.user.len() + grant.node.len()
            }
            Err(_) => 0,
        };
        let owner = held.learned.owner.as_ref().map_or(0, String::len);
        let fixed = HEADER + CHECKSUM + ClusterName::MAX_LEN + 256;
        Self(Zeroizing::new(Vec::with_capacity(fixed + texts + owner)))
    }

    fn raw(&mut self, bytes: &[u8]) {
        debug_assert!(self.0.len() + bytes.len() <= self.0.capacity(), "it would move");
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, number: u64) {
        self.raw(&number.to_be_bytes());
    }

    fn time(&mut self, time: Timestamp) {
        self.number(time.as_millis());
    }

    fn text(&mut self, text: &str) {
        self.raw(&length(text.len()));
        self.raw(text.as_bytes());
    }

    fn finish(mut self) -> Zeroizing<Vec<u8>> {
        let body = length(self.0.len() - HEADER);
        self.0[HEADER - body.len()..HEADER].copy_from_slice(&body);
        let checksum = digest(&SHA256, &self.0);
        self.raw(checksum.as_ref());
        self.0
    }
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("no text is that long").to_be_bytes()
}

/// The bytes that are left to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn raw(&mut self, length: usize) -> Result<&'a [u8], Flaw> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Flaw::Damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.raw(N)?.try_into().map_err(|_| Flaw::Damaged)
    }

    fn number(&mut self) -> Result<u64, Flaw> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    fn time(&mut self) -> Result<Timestamp, Flaw> {
        Ok(Timestamp::from_millis(self.number()?))
    }

    fn flag(&mut self) -> Result<bool, Flaw> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Flaw::Damaged),
        }
    }

    fn text(&mut self) -> Result<&'a str, Flaw> {
        let length = u32::from_be_bytes(self.array()?);
        let bytes = self.raw(usize::try_from(length).map_err(|_| Flaw::Damaged)?)?;
        str::from_utf8(bytes).map_err(|_| Flaw::Damaged)
    }

    fn held(&mut self) -> Result<Held, Flaw> {
        let last_attempt = AttemptId(self.number()?);
        let returns_state = self.flag()?;
        let owner = if self.flag()? { Some(self.text()?.to_owned()) } else { None };
        let [lapse] = self.array()?;
        let token = match lapse_of_number(lapse)? {
            Some(lapse) => Err(lapse),
            None => Ok(self.token()?),
        };
        Ok(Held { last_attempt, token, learned: Learned { owner, returns_state } })
    }

    fn token(&mut self) -> Result<Token, Flaw> {
        let generation = Generation(self.number()?);
        let grant = Grant {
            secret: Secret::new(self.text()?.to_owned()),
            user: self.text()?.to_owned(),
            node: self.text()?.to_owned(),
            obtained_at: self.time()?,
            expires_at: self.time()?,
        };
        let sensible = grant.obtained_at < grant.expires_at;
        sensible.then_some(Token { generation, grant }).ok_or(Flaw::Damaged)
    }
}

const fn lapse_to_number(lapse: Option<Lapse>) -> u8 {
    match lapse {
        None => 0,
        Some(Lapse::NeverLoggedIn) => 1,
        Some(Lapse::Expired) => 2,
        Some(Lapse::Rejected) => 3,
        Some(Lapse::LoggedOut) => 4,
        Some(Lapse::Reconfigured) => 5,
    }
}

const fn lapse_of_number(number: u8) -> Result<Option<Lapse>, Flaw> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(Lapse::NeverLoggedIn)),
        2 => Ok(Some(Lapse::Expired)),
        3 => Ok(Some(Lapse::Rejected)),
        4 => Ok(Some(Lapse::LoggedOut)),
        5 => Ok(Some(Lapse::Reconfigured)),
        _ => Err(Flaw::Damaged),
    }
}

#[cfg(test)]
mod tests;
