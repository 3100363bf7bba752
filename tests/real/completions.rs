//! The completions, in the shells that they are for.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::components;

const UCSSOCTL: &str = env!("CARGO_BIN_EXE_ucssoctl");

/// Somebody with two clusters, a script for their shell, and `ucssoctl` on the path.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new(shell: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Command::new(UCSSOCTL).args(["completions", shell]).output().unwrap();
        assert!(script.status.success(), "{script:?}");
        fs::write(folder.path().join("_ucssoctl"), script.stdout).unwrap();
        fs::create_dir_all(folder.path().join("ucsso")).unwrap();
        let cluster = |name| format!("[clusters.{name}]\nnodes = [\"{name}\"]\nuser = \"alice\"\n");
        let config = [cluster("hq"), cluster("voicemail")].concat();
        fs::write(folder.path().join("ucsso/config.toml"), config).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What a shell prints that runs `script`.
    fn run(&self, shell: &Path, arguments: &[&str], script: &str) -> String {
        let programs = Path::new(UCSSOCTL).parent().unwrap().display();
        let output = Command::new(shell)
            .args(arguments)
            .arg("-c")
            .arg(script)
            .env_clear()
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .env("HOME", self.path())
            .env("XDG_CONFIG_HOME", self.path())
            .env("TERM", "dumb")
            .current_dir(self.path())
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// What bash proposes for the last word of a command line.
fn bash(home: &Home, line: &str) -> Vec<String> {
    let script = format!(
        "source ./_ucssoctl; COMP_WORDS=({line} \"$1\"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         _ucssoctl ucssoctl \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    words(&home.run(Path::new("/bin/bash"), &["--norc", "--noprofile"], &script))
}

fn fish(home: &Home, line: &str) -> Vec<String> {
    let script = format!("source ./_ucssoctl; complete -C '{line}'");
    let proposed = home.run(&components::fish(), &["--no-config"], &script);
    // A description follows behind a tab.
    words(&proposed).iter().map(|word| word.split('\t').next().unwrap().to_owned()).collect()
}

/// zsh completes in its line editor alone, so it is given a terminal, and each line is read back.
fn zsh(home: &Home, lines: &[&str]) -> Vec<String> {
    let lines = lines.iter().map(|line| format!("'{line}'")).collect::<Vec<_>>().join(" ");
    let script = format!(
        "zmodload zsh/zpty zsh/zselect\nzpty shell zsh -f -i\n{ZSH_SET_UP}\n\
         until [[ -e ready ]] {{ zselect -t 1 }}\n\
         for line ({lines}) {{\n\
         zpty -w -n shell \"$line\"$'\\t\\x18'\n\
         until [[ -s seen ]] {{ zpty -rt shell ignored; zselect -t 1 }}\n\
         cat seen; rm seen\n\
         }}\nzpty -d shell"
    );
    words(&home.run(&components::zsh(), &["-f"], &script))
}

/// Completes on Tab, and on Ctrl-X writes the line down.
const ZSH_SET_UP: &str = r#"zpty -w shell 'PS1=; fpath=($PWD $fpath)
autoload -U compinit; compinit -u -D; bindkey "^I" complete-word
dump() { print -r "$BUFFER<" >./seen; zle .kill-buffer; }
zle -N dump; bindkey "^X" dump; print ready >./ready'"#;

fn words(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn assert_has(proposed: &[String], wanted: &[&str]) {
    for word in wanted {
        assert!(proposed.iter().any(|has| has == word), "{word} is not in {proposed:?}");
    }
}

/// The commands that take a cluster.
const OF_A_CLUSTER: [&str; 8] =
    ["login", "token", "exec", "wait", "watch", "logout", "cancel", "snooze"];

#[test]
fn bash_completes_commands_options_and_clusters() {
    let home = Home::new("bash");

    assert_has(&bash(&home, "ucssoctl"), &["status", "token", "login", "man", "--socket"]);
    assert_has(&bash(&home, "ucssoctl trust"), &["redirect"]);
    assert_has(&bash(&home, "ucssoctl completions"), &["bash", "zsh", "fish"]);
    for command in OF_A_CLUSTER {
        assert_has(&bash(&home, &format!("ucssoctl {command}")), &["hq", "voicemail"]);
    }
    assert_has(&bash(&home, "ucssoctl login"), &["--no-browser"]);
}

#[test]
fn fish_completes_commands_options_and_clusters() {
    let home = Home::new("fish");

    assert_has(&fish(&home, "ucssoctl "), &["status", "token", "login", "man"]);
    assert_has(&fish(&home, "ucssoctl trust "), &["redirect"]);
    assert_has(&fish(&home, "ucssoctl completions "), &["bash", "zsh", "fish"]);
    for command in OF_A_CLUSTER {
        assert_has(&fish(&home, &format!("ucssoctl {command} ")), &["hq", "voicemail"]);
    }
    assert_has(&fish(&home, "ucssoctl login --no"), &["--no-browser"]);
}

#[test]
fn zsh_completes_commands_options_and_clusters() {
    let home = Home::new("zsh");

    let lines = [
        "ucssoctl logi",
        "ucssoctl trust r",
        "ucssoctl login --no",
        "ucssoctl completions z",
        "ucssoctl login v",
        "ucssoctl token v",
        "ucssoctl logout h",
    ];

    let completed = zsh(&home, &lines);

    assert_eq!(
        completed,
        [
            "ucssoctl login <",
            "ucssoctl trust redirect <",
            "ucssoctl login --no-browser <",
            "ucssoctl completions zsh <",
            "ucssoctl login voicemail <",
            "ucssoctl token voicemail <",
            "ucssoctl logout hq <",
        ]
    );
}

#[test]
fn what_is_hidden_is_not_proposed() {
    for shell in ["bash", "zsh", "fish"] {
        let home = Home::new(shell);
        let script = fs::read_to_string(home.path().join("_ucssoctl")).unwrap();

        assert!(script.contains("ucssoctl __complete clusters"), "{shell}");
        assert_eq!(
            script.matches("__complete").count(),
            script.matches("__complete clusters").count()
        );
    }
}

#[test]
fn without_a_configuration_no_cluster_is_proposed_and_nothing_is_said() {
    for config in [None, Some("[clusters"), Some("wrong = 1\n")] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("ucsso")).unwrap();
        if let Some(text) = config {
            fs::write(folder.path().join("ucsso/config.toml"), text).unwrap();
        }

        let asked = Command::new(UCSSOCTL)
            .args(["__complete", "clusters"])
            .env("XDG_CONFIG_HOME", folder.path())
            .output()
            .unwrap();

        assert_eq!((asked.stdout, asked.stderr, asked.status.code()), (vec![], vec![], Some(0)));
    }
}
