//! The manual, before the programs that show it: none of them has anything to say against a page.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::components;

const UCSSOCTL: &str = env!("CARGO_BIN_EXE_ucssoctl");

/// The pages as a package takes them.
fn written(folder: &Path) -> Vec<PathBuf> {
    let written = Command::new(UCSSOCTL).args(["man", "--write"]).arg(folder).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    let mut pages: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
}

/// What `command` says of a page that nobody is to read.
fn complaints(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    format!("{}{}", String::from_utf8_lossy(&said), if output.status.success() { "" } else { "!" })
}

#[test]
fn the_pages_are_written_under_the_names_that_a_package_wants() {
    let folder = tempfile::tempdir().unwrap();

    let pages = written(&folder.path().join("new"));

    let names: Vec<_> = pages.iter().map(|page| page.file_name().unwrap()).collect();
    assert_eq!(names, ["ucsso-lab.1", "ucsso.toml.5", "ucssoctl.1", "ucssod.1"]);
}

#[test]
fn mandoc_has_nothing_against_a_page() {
    let folder = tempfile::tempdir().unwrap();

    for page in written(folder.path()) {
        let mut lint = Command::new(components::mandoc());
        let said = complaints(lint.args(["-T", "lint", "-W", "warning"]).arg(&page));
        assert_eq!(said, "", "{}", page.display());
    }
}

#[test]
fn man_shows_every_page_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();

    for page in written(folder.path()) {
        let mut man = Command::new(components::man());
        man.env("LC_ALL", "C.UTF-8").env("MAN_KEEP_STDERR", "1").env("MANWIDTH", "80");
        let shown = man.args(["--warnings", "-E", "UTF-8", "-l"]).arg(&page).output().unwrap();

        assert_eq!(String::from_utf8_lossy(&shown.stderr), "", "{}", page.display());
        let text = String::from_utf8(shown.stdout).unwrap();
        assert!(text.contains("SEE ALSO") && shown.status.success(), "{}", page.display());
    }
}

#[test]
fn a_page_that_is_wrong_is_complained_of() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("wrong.1");
    fs::write(&page, ".TH WRONG 1\n.SH NAME\n.XY\n.TP\n").unwrap();

    let mut lint = Command::new(components::mandoc());
    let said = complaints(lint.args(["-T", "lint", "-W", "warning"]).arg(&page));

    assert!(said.contains("unknown macro"), "{said}");
}
