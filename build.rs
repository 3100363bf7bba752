//! Compiles the protocol definition, and nothing else.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let files = ["token_broker", "login", "admin"].map(|file| format!("ucsso/v1/{file}.proto"));
    let definitions = protox::compile(files, ["proto"])?;
    fs::write(out.join("ucsso.v1.bin"), definitions.encode_to_vec())?;

    // A derived `Debug` would print the token or the ticket; these messages get one by hand.
    tonic_prost_build::configure()
        // Cargo says so of each feature that is on ("Environment variables Cargo sets").
        .build_server(env::var_os("CARGO_FEATURE_FULL").is_some())
        .codec_path("crate::rpc::codec::SmallCodec")
        .skip_debug([
            "ucsso.v1.Token",
            "ucsso.v1.StartLoginResponse.Opened",
            "ucsso.v1.CompleteLoginRequest",
        ])
        .compile_fds(definitions)?;
    Ok(())
}
