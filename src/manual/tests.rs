//! Of the manual: that nothing a program knows is missing, and that text stays text.

use std::path::Path;

use super::*;
use crate::config::Config;

/// A page's text without its fonts and escapes.
fn plain(page: Page) -> String {
    ["\\fB", "\\fI", "\\fR"]
        .into_iter()
        .fold(roff(page), |text, font| text.replace(font, ""))
        .replace("\\-", "-")
        .replace("\\(dq", "\"")
}

/// The pages that are about programs.
const PROGRAMS: [Page; 3] = [Page::Ucssoctl, Page::Ucssod, Page::Lab];

#[test]
fn every_page_has_the_sections_that_are_looked_for() {
    for page in Page::ALL {
        let text = roff(page);
        let sections: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        let wanted: &[&str] = match page {
            Page::Configuration => {
                &["NAME", "SYNOPSIS", "DESCRIPTION", "SETTINGS", "FILES", "EXAMPLES", "SEE ALSO"]
            }
            Page::Ucssod => &[
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "EXIT STATUS",
                "ENVIRONMENT",
                "FILES",
                "EXAMPLES",
                "SEE ALSO",
            ],
            Page::Ucssoctl | Page::Lab => &[
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "COMMANDS",
                "EXIT STATUS",
                "ENVIRONMENT",
                "FILES",
                "EXAMPLES",
                "SEE ALSO",
            ],
        };
        assert_eq!(sections, wanted, "{page:?}");
    }
}

#[test]
fn every_command_and_every_option_is_in_its_page() {
    fn assert_is_in(text: &str, called: &str, command: &clap::Command) {
        for option in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let name = option.get_long().map_or_else(
                || option.get_value_names().unwrap()[0].to_string(),
                |long| format!("--{long}"),
            );
            assert!(text.contains(&name), "`{name}` of `{called}` is missing");
        }
        for sub in programs::visible(command) {
            let called = format!("{called} {}", sub.get_name());
            assert!(text.contains(&format!("\n.SS {called}")) || sub.has_subcommands(), "{called}");
            assert_is_in(text, &called, sub);
        }
    }
    for page in PROGRAMS {
        assert_is_in(&plain(page), page.name(), &command(page));
    }
}

#[test]
fn what_is_hidden_on_the_command_line_is_not_in_the_page() {
    let hidden = PROGRAMS.map(|page| {
        let command = command(page);
        let text = plain(page);
        let hidden = command.get_subcommands().filter(|sub| sub.is_hide_set());
        hidden.inspect(|sub| assert!(!text.contains(sub.get_name()))).count()
    });

    assert_eq!(hidden, [1, 0, 1]);
}

#[test]
fn every_exit_code_is_in_the_page() {
    let page = roff(Page::Ucssoctl);

    assert!(ctl::exit_codes().count() > 5);
    for (code, meaning) in ctl::exit_codes() {
        assert!(page.contains(&format!(".TP\n{code}\n{meaning}.\n")), "{code}");
    }
}

#[test]
fn every_key_of_the_configuration_is_in_the_page() {
    let page = plain(Page::Configuration);

    let keys = known_keys();

    assert!(keys.contains(&"browser".to_owned()) && keys.contains(&"verify_path".to_owned()));
    for key in keys.iter().filter(|key| !["clusters", "pins"].contains(&key.as_str())) {
        let setting = format!("\n{key} = ");
        assert!(page.contains(&setting), "`{key}` is not in examples/ucsso.toml");
    }
    assert!(page.contains(".TP\n[clusters.hq.pins]\n"));
}

/// What the configuration itself names where it finds a key that it does not know.
fn known_keys() -> Vec<String> {
    let wrong = "zzz = 1\n[clusters.hq]\nnodes = [\"a\"]\nuser = \"a\"\nzzz = 1\n";
    let problems = Config::parse(wrong, Path::new("config.toml")).unwrap_err().render(false);
    let lists = problems.lines().filter_map(|line| line.split_once("one of these: "));
    lists.flat_map(|(_, list)| list.split(", ").map(|key| key.trim().to_owned())).collect()
}

#[test]
fn the_default_is_that_of_the_line_below() {
    let page = plain(Page::Configuration);

    assert!(page.contains("to 30m. The default is \"5m\"."), "{page}");
    assert!(!page.contains("Default:\n"), "{page}");
}

#[test]
fn what_would_be_a_request_is_text() {
    let mut roff = Roff::new("x", 1, DATE);

    markup::write(&mut roff, "`.profile` is not 'read'\n\n  .hidden --all\n\nco-op - 1");

    let text = roff.finish();
    let lines: Vec<_> = text.lines().skip(3).collect();
    assert_eq!(
        lines,
        [
            "\\fB\\&.profile\\fR is not \\(aqread\\(aq",
            ".PP",
            ".in +2n",
            ".nf",
            "\\&.hidden \\-\\-all",
            ".fi",
            ".in",
            ".PP",
            "co-op \\- 1",
        ]
    );
}
