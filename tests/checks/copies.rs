//! S16: how often the text of a token is in the memory of the daemon: while it is held and handed
//! out, and after a logout.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    time::{Duration, Instant},
};

use ucsso::rpc::proto::Interaction;

use crate::{check::Figure, process::Process, rig::estate};

/// How often a program asks for the token.
const ANSWERS: usize = 50;
/// How many copies there may be: the one that is kept, and what is on its way.
const COPIES: usize = 4;
/// How soon none may be left.
const LIMIT: Duration = Duration::from_secs(1);

#[expect(clippy::disallowed_methods, reason = "what is measured is time on the wall")]
pub(crate) async fn run() -> Vec<Figure> {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    for _ in 0..ANSWERS {
        estate.get_token("hq", Interaction::IfNeeded).await.unwrap();
    }

    let held = copies(&estate.daemon, &token);
    let locked = locked(&estate.daemon);
    estate.ctl_output(&["logout", "hq"]).await;
    let out = Instant::now();
    let mut left = copies(&estate.daemon, &token);
    while left > 0 && out.elapsed() < LIMIT {
        left = copies(&estate.daemon, &token);
    }

    vec![
        Figure::at_least("copies-held", held, 1),
        Figure::at_most("copies-held", held, COPIES),
        Figure::at_least("locked-kB", locked, 16),
        Figure::exactly("copies-after-logout", left, 0),
        Figure::sooner("after-logout", out.elapsed(), LIMIT),
    ]
}

/// How often this text is in the memory of a process that can be written to.
fn copies(process: &Process, text: &str) -> usize {
    let folder = format!("/proc/{}", process.pid().unwrap().as_raw_nonzero());
    let memory = File::open(format!("{folder}/mem")).unwrap();
    let maps = fs::read_to_string(format!("{folder}/maps")).unwrap();
    let mut found = 0;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (span, access) = (words.next().unwrap(), words.next().unwrap());
        if !access.starts_with("rw") {
            continue;
        }
        let (begin, end) = span.split_once('-').unwrap();
        let [begin, end] = [begin, end].map(|place| u64::from_str_radix(place, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - begin).unwrap()];
        // It may be gone since the list was made.
        if memory.read_exact_at(&mut bytes, begin).is_ok() {
            let (first, rest) = text.as_bytes().split_first().unwrap();
            let candidates = bytes.iter().enumerate().filter(|(_, byte)| *byte == first);
            found += candidates.filter(|(at, _)| bytes[at + 1..].starts_with(rest)).count();
        }
    }
    found
}

/// How much of its memory is locked, excluded from dumps and from forked children, in kB.
fn locked(process: &Process) -> usize {
    let pid = process.pid().unwrap().as_raw_nonzero();
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut size = 0;
    let mut locked = 0;
    for line in smaps.lines() {
        if let Some(kilobytes) = line.strip_prefix("Size:") {
            size = kilobytes.trim().trim_end_matches(" kB").parse().unwrap();
        } else if let Some(flags) = line.strip_prefix("VmFlags:") {
            let all = ["lo", "dd", "wf"].iter().all(|flag| flags.split(' ').any(|f| f == *flag));
            locked += if all { size } else { 0 };
        }
    }
    locked
}
