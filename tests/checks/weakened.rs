//! The build of the daemon that takes redirects without their nonce: an attack that the nonce
//! stops succeeds there, or the check of it would pass for another reason.

use ucsso::lab::LabConfig;

use crate::{
    components::{TOOLS, require},
    estate::Estate,
};

/// An estate with that daemon.
pub(crate) async fn estate() -> Estate {
    let program = require(&format!("{TOOLS}/ucssod-weakened"), "tests/scorecard");
    let program = program.to_str().unwrap().to_owned();
    let daemon = |home: &crate::estate::Home| home.ucssod_at(&program);
    let estate = Estate::launch_as(LabConfig::default(), ToOwned::to_owned, daemon).await;
    estate.daemon.line_with("INSECURE TEST BUILD").await;
    estate
}
