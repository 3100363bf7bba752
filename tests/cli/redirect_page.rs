//! The page that `ucssoctl redirect-page` writes, and what it says where there is none to write.

use std::{fs, process::Output};

use tempfile::TempDir;

use crate::{assert_says, text, ucssoctl};

const TWO: &str = "[clusters.hq]\nnodes = [\"a\"]\nuser = \"alice\"\n\
    redirect_uri = \"https://intranet.example.com/ucsso/hq.html\"\n\
    [clusters.lab]\nnodes = [\"b\"]\nuser = \"alice\"\n";

/// Runs `ucssoctl redirect-page` with this configuration.
fn redirect_page(folder: &TempDir, config: &str, arguments: &[&str]) -> Output {
    fs::write(folder.path().join("config.toml"), config).unwrap();
    ucssoctl()
        .current_dir(folder.path())
        .args(["redirect-page", "--config", "config.toml"])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_page_leads_on_to_the_landing_page_and_loads_nothing() {
    let folder = tempfile::tempdir().unwrap();

    for arguments in [&[][..], &["hq"]] {
        let output = redirect_page(&folder, TWO, arguments);

        assert_says(&output, 0, include_str!("../fixtures/cli/redirect-page.html"), "");
    }
    let page = include_str!("../fixtures/cli/redirect-page.html");
    for word in ["src=", "href=", "url(", "import", "unsafe", "{{"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_page_is_written_to_a_file() {
    let folder = tempfile::tempdir().unwrap();

    let output = redirect_page(&folder, TWO, &["--output", "hq.html"]);

    let said = "wrote hq.html: it belongs at https://intranet.example.com/ucsso/hq.html, which is \
                what the administrator registers\n";
    assert_says(&output, 0, "", said);
    let written = fs::read_to_string(folder.path().join("hq.html")).unwrap();
    assert_eq!(written, include_str!("../fixtures/cli/redirect-page.html"));
    let output = redirect_page(&folder, TWO, &["--output", "no/hq.html"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("ucssoctl: `no/hq.html` cannot be written: "));
}

#[test]
fn where_there_is_no_page_to_write_the_command_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (_, without) = TWO.split_once("[clusters.lab]").unwrap();
    let without = format!("[clusters.lab]{without}");
    let both = format!("{TWO}redirect_uri = \"https://intranet.example.com/ucsso/lab.html\"\n");
    let write = "write its address as `redirect_uri` of the cluster first, for example \
                 \"https://intranet.example.com/ucsso/hq.html\"";

    for (config, arguments, code, what, help) in [
        (TWO, &["lab"][..], 1, "`lab` does not redirect to a page on another server", write),
        (&without, &[], 1, "no cluster redirects to a page on another server", write),
        (
            &both,
            &[],
            2,
            "there are several clusters with such a page: hq, lab",
            "name one, `ucssoctl redirect-page hq`",
        ),
        (
            TWO,
            &["branch"],
            7,
            "the configuration has no cluster `branch`",
            "see `ucssoctl config check` for the names",
        ),
    ] {
        let output = redirect_page(&folder, config, arguments);

        assert_says(&output, code, "", &format!("ucssoctl: {what}\n  help: {help}\n"));
    }
}

#[test]
fn check_says_what_is_registered_and_where_it_leads() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), TWO).unwrap();

    let output = ucssoctl()
        .current_dir(folder.path())
        .args(["config", "check", "config.toml"])
        .output()
        .unwrap();

    let said = text(&output.stdout);
    let lines = "  register  https://intranet.example.com/ucsso/hq.html\n  \
                 landing   http://127.0.0.1:27443/cb/hq\n";
    assert!(said.contains(lines), "{said}");
    assert_eq!(said.matches("landing").count(), 1, "{said}");
}
