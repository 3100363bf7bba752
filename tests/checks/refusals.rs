//! How often the daemon says that it has refused something at its redirect addresses, by reason.
//!
//! Its log does not tell: a reason that keeps coming up is logged at each doubling alone.

use std::collections::BTreeMap;

use crate::estate::Estate;

/// How often each reason was met so far. Those that never were are missing.
pub(crate) type Refusals = BTreeMap<String, usize>;

pub(crate) async fn refusals(estate: &Estate) -> Refusals {
    let status = estate.status().await;
    serde_json::from_value(status["server"]["refused_redirects"].clone()).unwrap()
}

/// The reasons that were met since `before`.
pub(crate) fn since(before: &Refusals, now: &Refusals) -> Vec<String> {
    now.iter()
        .filter(|(reason, count)| before.get(*reason) != Some(*count))
        .map(|(reason, _)| reason.clone())
        .collect()
}
