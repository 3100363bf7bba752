//! The paths that a Rust source names, as far as a test of the floor plan needs them.
//!
//! Knows words, `::`, `use` trees and inline modules; knows neither types nor name resolution, so
//! a name that was imported counts where it is imported. Comments and literals name nothing.
//! Called by `tests/architecture.rs`.

mod rust_tokens;

use rust_tokens::Token;

/// A path, from `crate` on where it leads into the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Its segments. A glob ends in `*`.
    pub(crate) segments: Vec<String>,
    /// The line it stands on, from 1.
    pub(crate) line: usize,
}

/// Returns the paths of two or more segments that are named by `text`, the source of the module
/// `module` (`["broker", "actor"]`; empty for the root).
pub(crate) fn paths(text: &str, module: &[&str]) -> Vec<Named> {
    let tokens = Tokens(rust_tokens::split(text));
    let mut scope = Scope::new(module);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.0.len() {
        match (tokens.text(at), tokens.text(at + 1)) {
            ("use", next) if next != "<" => {
                at = tokens.use_tree(at + 1, &[], &mut |path| found.push(scope.resolve(path)));
                continue;
            }
            ("mod", name) if tokens.text(at + 2) == "{" => {
                scope.enter(name);
                at += 2;
            }
            ("{", _) => scope.depth += 1,
            ("}", _) => scope.leave(),
            (_, "::") if tokens.begins_path(at) => {
                let path = tokens.path(at);
                at += 2 * (path.len() - 1);
                found.push(scope.resolve(path));
            }
            _ => {}
        }
        at += 1;
    }
    found.retain(|path| path.segments.len() > 1);
    found
}

/// The module that a token stands in: the file's own, and the inline ones around the token.
struct Scope {
    module: Vec<String>,
    /// How many braces are open.
    depth: usize,
    /// How many were open before each inline module.
    inline: Vec<usize>,
}

impl Scope {
    fn new(module: &[&str]) -> Self {
        Self { module: module.iter().map(ToString::to_string).collect(), depth: 0, inline: vec![] }
    }

    fn enter(&mut self, name: &str) {
        self.module.push(name.to_owned());
        self.inline.push(self.depth);
        self.depth += 1;
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.inline.last() == Some(&self.depth) {
            self.inline.pop();
            self.module.pop();
        }
    }

    /// Turns `self::` and `super::` into `crate::`.
    fn resolve(&self, path: impl IntoIterator<Item = Token>) -> Named {
        let path: Vec<Token> = path.into_iter().collect();
        let line = path.first().map_or(0, |token| token.line);
        let ups = path.iter().take_while(|token| token.text == "super" || token.text == "self");
        let (relative, up) = ups.fold((0, 0), |(relative, up), token| {
            (relative + 1, up + usize::from(token.text == "super"))
        });
        let mut segments = Vec::new();
        if relative > 0 {
            segments.push("crate".to_owned());
            segments.extend_from_slice(&self.module[..self.module.len().saturating_sub(up)]);
        }
        segments.extend(path.into_iter().skip(relative).map(|token| token.text));
        Named { segments, line }
    }
}

/// The tokens of a source, by their place.
struct Tokens(Vec<Token>);

impl Tokens {
    /// The text of one token; empty behind the last.
    fn text(&self, at: usize) -> &str {
        self.0.get(at).map_or("", |token| &token.text)
    }

    fn is_word(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(Token::is_word)
    }

    /// Whether a path begins here: with a word that continues none, nor the path behind a `>`.
    fn begins_path(&self, at: usize) -> bool {
        let continues = at >= 2
            && self.text(at - 1) == "::"
            && (self.is_word(at - 2) || self.text(at - 2) == ">");
        self.is_word(at) && !continues
    }

    fn path(&self, at: usize) -> Vec<Token> {
        let joined = |n: &usize| self.text(n - 1) == "::" && self.is_word(*n);
        let rest = (at + 2..).step_by(2).take_while(joined);
        std::iter::once(at).chain(rest).map(|at| self.0[at].clone()).collect()
    }

    /// Walks the `use` tree that begins at `at`; returns the place behind it.
    fn use_tree(
        &self,
        mut at: usize,
        prefix: &[Token],
        found: &mut impl FnMut(Vec<Token>),
    ) -> usize {
        let mut path = prefix.to_vec();
        loop {
            match self.text(at) {
                "::" => at += 1,
                "as" => at += 2,
                "{" => {
                    at += 1;
                    while !matches!(self.text(at), "}" | ";" | "") {
                        at = self.use_tree(at, &path, found);
                        at += usize::from(self.text(at) == ",");
                    }
                    return at + 1;
                }
                "," | "}" | ";" | "" => {
                    found(path);
                    return at;
                }
                "self" if !path.is_empty() => at += 1,
                _ => {
                    path.push(self.0[at].clone());
                    at += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<String> {
        paths(text, &["broker", "actor"]).into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn a_use_tree_names_each_of_its_leaves() {
        let text = "pub use crate::{a, b::{self, c as d}, e::*,}; use {crate::f, ::std::g};";

        assert_eq!(
            named(text),
            ["crate::a", "crate::b", "crate::b::c", "crate::e::*", "crate::f", "std::g"]
        );
    }

    #[test]
    fn a_path_in_an_expression_or_a_type_counts() {
        let text =
            "fn f(x: &crate::a::B<crate::c::D>) -> <E as crate::f::G>::H { ::tokio::go::<I>() }";

        assert_eq!(named(text), ["crate::a::B", "crate::c::D", "crate::f::G", "tokio::go"]);
    }

    #[test]
    fn self_and_super_are_followed_into_and_out_of_inline_modules() {
        let text =
            "use super::ports; mod tests { use super::*; fn f() { super::super::super::x::y() } }
                    use self::z::Z; fn g() { super::super::cisco::go() }";

        assert_eq!(
            named(text),
            [
                "crate::broker::ports",
                "crate::broker::actor::*",
                "crate::x::y",
                "crate::broker::actor::z::Z",
                "crate::cisco::go",
            ]
        );
    }

    #[test]
    fn comments_and_literals_name_nothing_and_hide_nothing() {
        let text = r##"
            // use crate::a;
            /* crate::b /* crate::c */ crate::d */
            const S: &str = "crate::e \" crate::f"; const R: &str = r#"crate::g " crate::h"#;
            const C: (char, char, u8) = ('"', '\'', b'"'); fn x<'a>(r#type: &'a Z) { 'b: {} }
            use crate::kept;
        "##;

        assert_eq!(named(text).last().unwrap(), "crate::kept");
        assert!(named(text).iter().all(|path| path.len() != "crate::a".len()), "{:?}", named(text));
    }

    #[test]
    fn a_path_knows_its_line() {
        assert_eq!(paths("\n/*\n*/ use\ncrate::a;", &[])[0].line, 4);
    }
}
