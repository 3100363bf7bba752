//! The tokens of a Rust source: enough of the language's lexical rules to tell code from comments
//! and literals, and no more. Called by `rust_paths`.

use std::{iter::Peekable, str::Chars};

/// A word, `::`, or any other single character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Its text.
    pub(super) text: String,
    /// The line it stands on, from 1.
    pub(super) line: usize,
}

impl Token {
    /// Whether it is an identifier or a keyword.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Splits a source; drops comments, literals and lifetimes.
pub(super) fn split(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = Source { chars: text.chars().peekable(), line: 1 };
    while let Some(c) = rest.next() {
        let line = rest.line;
        match c {
            '/' if rest.eat('/') => while rest.next_if(|c| c != '\n').is_some() {},
            '/' if rest.eat('*') => rest.skip_block_comment(),
            '"' => rest.skip_string('"'),
            '\'' => rest.skip_quote(),
            ':' if rest.eat(':') => tokens.push(Token { text: "::".into(), line }),
            c if c.is_alphanumeric() || c == '_' => {
                let text = rest.word(c);
                let prefix = matches!(text.as_str(), "r" | "b" | "br" | "c" | "cr");
                if prefix && rest.skip_prefixed(&text) || c.is_numeric() {
                    continue;
                }
                tokens.push(Token { text, line });
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token { text: c.into(), line }),
        }
    }
    tokens
}

/// The characters that are still to be read.
struct Source<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Source<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        self.chars.peek().copied().filter(|&c| wanted(c)).and_then(|_| self.next())
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.next_if(|c| c == wanted).is_some()
    }

    fn word(&mut self, first: char) -> String {
        let mut word = String::from(first);
        while let Some(c) = self.next_if(|c| c.is_alphanumeric() || c == '_') {
            word.push(c);
        }
        word
    }

    fn skip_block_comment(&mut self) {
        let mut open = 1;
        while open > 0
            && let Some(c) = self.next()
        {
            match c {
                '*' if self.eat('/') => open -= 1,
                '/' if self.eat('*') => open += 1,
                _ => {}
            }
        }
    }

    /// Skips to behind the closing quote.
    fn skip_string(&mut self, quote: char) {
        while let Some(c) = self.next()
            && c != quote
        {
            if c == '\\' {
                self.next();
            }
        }
    }

    /// Skips a character or a lifetime, behind its quote.
    fn skip_quote(&mut self) {
        if self.eat('\\') {
            self.next();
            self.skip_string('\'');
        } else if let Some(c) = self.next() {
            self.word(c);
            self.eat('\'');
        }
    }

    /// Skips the literal behind a prefix such as `br`, if there is one.
    fn skip_prefixed(&mut self, prefix: &str) -> bool {
        let raw = prefix.ends_with('r');
        let hashes =
            if raw { std::iter::from_fn(|| self.next_if(|c| c == '#')).count() } else { 0 };
        if prefix == "b" && self.eat('\'') {
            self.skip_quote();
        } else if !self.eat('"') {
            return hashes > 0;
        } else if raw {
            while self.chars.peek().is_some() {
                while self.next().is_some_and(|c| c != '"') {}
                if (0..hashes).all(|_| self.eat('#')) {
                    break;
                }
            }
        } else {
            self.skip_string('"');
        }
        true
    }
}
