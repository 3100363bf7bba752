//! What `ucsso-lab serve` writes and prints for those who want to use the estate.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Lab,
    cli::{Failure, ServeArgs},
    users::USERS,
};

/// What was written for clients to read. None of it is secret.
pub(super) struct Files {
    ca: PathBuf,
    config: PathBuf,
    metadata: [PathBuf; 2],
}

impl Files {
    pub(super) fn write(lab: &Lab, folder: &Path, redirect_port: u16) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|error| Failure::Write(folder.to_owned(), error))?;
        let folder = folder.canonicalize().map_err(|e| Failure::Write(folder.to_owned(), e))?;
        let put = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| Failure::Write(path.clone(), error))?;
            Ok::<_, Failure>(path)
        };
        let ca = put("ca.pem", lab.ca_pem())?;
        let config = put("config.toml", &lab.ucsso_toml(redirect_port, &ca))?;
        let hq = put("sp-hq.xml", &lab.sp_metadata("hq"))?;
        let vm = put("sp-vm.xml", &lab.sp_metadata("vm"))?;
        Ok(Self { ca, config, metadata: [hq, vm] })
    }
}

/// What somebody who starts the lab wants to know.
pub(super) fn orientation(lab: &Lab, args: &ServeArgs, files: &Files) -> String {
    let at = |name| {
        let (host, port) = lab.node(name);
        format!("https://{host}:{port}")
    };
    let users: Vec<String> =
        USERS.iter().map(|user| format!("{} / {}", user.id, user.password)).collect();
    let mut lines = vec![
        ("hq", format!("{}  Unified CM, publisher", at("cucm-pub"))),
        ("", format!("{}  Unified CM, subscriber", at("cucm-sub"))),
        ("vm", format!("{}  Unity Connection", at("cuc"))),
        ("idp", lab.idp_url().to_string()),
        ("users", users.join(", ")),
        ("tokens", format!("live {} s", args.token_lifetime.as_secs())),
        ("trust", files.ca.display().to_string()),
        ("config", files.config.display().to_string()),
    ];
    if args.idp_metadata.is_some() {
        // The foreign identity provider has to be told whom it serves.
        lines.extend(files.metadata.iter().map(|file| ("metadata", file.display().to_string())));
    }
    let mut text = String::from("A UC estate on 127.0.0.1; Ctrl-C ends it.\n\n");
    for (name, line) in lines {
        writeln!(text, "  {name:<9} {line}").expect("a string takes what is written");
    }
    let config = lab.ucsso_toml(args.redirect_port, &files.ca);
    text.push('\n');
    for line in config.lines() {
        let indent = if line.is_empty() { "" } else { "    " };
        writeln!(text, "{indent}{line}").expect("a string takes what is written");
    }
    text
}
