//! What is written is read, and nothing else is.

use proptest::prelude::*;

use super::*;
use crate::store::testing::{SECRET, record};

fn any_held() -> impl Strategy<Value = Held> {
    let lapse = prop::sample::select(vec![
        Lapse::NeverLoggedIn,
        Lapse::Expired,
        Lapse::Rejected,
        Lapse::LoggedOut,
        Lapse::Reconfigured,
    ]);
    let token =
        (any::<u64>(), ".{0,200}", ".{0,40}", ".{0,40}", any::<u32>(), 1..u64::from(u32::MAX))
            .prop_map(|(generation, secret, user, node, obtained, lifetime)| Token {
                generation: Generation(generation),
                grant: Grant {
                    secret: Secret::new(secret),
                    user,
                    node,
                    obtained_at: Timestamp::from_millis(obtained.into()),
                    expires_at: Timestamp::from_millis(u64::from(obtained) + lifetime),
                },
            });
    let token = prop_oneof![token.prop_map(Ok), lapse.prop_map(Err)];
    let owner = prop::option::of(".{0,40}");
    (any::<u64>(), token, owner, any::<bool>()).prop_map(
        |(last_attempt, token, owner, returns_state)| Held {
            last_attempt: AttemptId(last_attempt),
            token,
            learned: Learned { owner, returns_state },
        },
    )
}

fn any_record() -> impl Strategy<Value = Record> {
    let written = (any::<[u8; 16]>(), any::<u64>(), any::<u64>(), any::<u64>());
    let written = written.prop_map(|(boot, since_boot, now, wall)| Reading {
        boot: BootId(boot),
        since_boot,
        now: Timestamp::from_millis(now),
        wall: Timestamp::from_millis(wall),
    });
    (any::<u64>(), "[a-z0-9][a-z0-9._-]{0,63}", any::<[u8; 32]>(), written, any_held()).prop_map(
        |(serial, cluster, fingerprint, written, held)| Record {
            serial,
            cluster: cluster.parse().unwrap(),
            fingerprint: Fingerprint(fingerprint),
            written,
            held,
        },
    )
}

/// The bytes with another body, and the checksum that goes with it.
fn with_body(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = bytes[HEADER..bytes.len() - CHECKSUM].to_vec();
    change(&mut body);
    let mut changed = bytes[..HEADER - 4].to_vec();
    changed.extend_from_slice(&length(body.len()));
    changed.extend_from_slice(&body);
    let checksum = digest(&SHA256, &changed);
    changed.extend_from_slice(checksum.as_ref());
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(record in any_record()) {
        let bytes = record.encode();

        prop_assert_eq!(Record::decode(&bytes), Ok(record));
    }

    /// Also where the checksum is right: nobody but this daemon writes one, but another one may.
    #[test]
    fn nothing_that_is_read_panics(
        record in any_record(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = with_body(&record.encode(), |body| {
            let at = at.index(body.len());
            body[at] = byte;
        });
        let shorter = with_body(&record.encode(), |body| body.truncate(cut.index(body.len())));

        if let Ok(read) = Record::decode(&bytes) {
            let again = read.encode();
            prop_assert_eq!(again.as_slice(), bytes.as_slice(), "two texts for one record");
        }
        prop_assert_eq!(Record::decode(&shorter), Err(Flaw::Damaged));
    }
}

#[test]
fn each_byte_matters_and_none_may_be_missing() {
    let bytes = record().encode();

    for at in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= mask;
            let read = Record::decode(&flipped);
            match read {
                Err(Flaw::LaterVersion { .. }) if (8..12).contains(&at) => {}
                read => assert_eq!(read, Err(Flaw::Damaged), "byte {at}"),
            }
        }
        assert_eq!(Record::decode(&bytes[..at]), Err(Flaw::Damaged), "cut at {at}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Record::decode(&longer), Err(Flaw::Damaged));
}

#[test]
fn a_later_version_is_told_apart_and_an_earlier_one_never_was() {
    let with_version = |version: u32| {
        let mut bytes = record().encode().to_vec();
        bytes[8..12].copy_from_slice(&version.to_be_bytes());
        Record::decode(&bytes)
    };

    assert_eq!(with_version(2), Err(Flaw::LaterVersion { version: 2 }));
    assert_eq!(with_version(u32::MAX), Err(Flaw::LaterVersion { version: u32::MAX }));
    assert_eq!(with_version(0), Err(Flaw::Damaged));
    let sentence = Flaw::LaterVersion { version: 2 }.to_string();
    assert_eq!(sentence, "a later version of ucssod wrote it (version 2)");
}

#[test]
fn what_this_daemon_would_not_write_is_damaged() {
    let bytes = record().encode();
    let longer = with_body(&bytes, |body| body.push(0));
    let Ok(Token { generation, grant }) = record().held.token else { panic!() };
    let dead = Grant { expires_at: grant.obtained_at, ..grant };
    let held = Held { token: Ok(Token { generation, grant: dead }), ..record().held };

    assert_eq!(Record::decode(&longer), Err(Flaw::Damaged));
    assert_eq!(Record::decode(&Record { held, ..record() }.encode()), Err(Flaw::Damaged));
}

#[test]
fn a_record_shows_no_token() {
    let shown = format!("{:?}", record());

    assert!(!shown.contains(SECRET), "{shown}");
}
