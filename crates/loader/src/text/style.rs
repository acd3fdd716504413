//! How the BUILD files of a repository are written, told by most of what is there; it does not change them.

use std::collections::BTreeMap;

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use super::{Source, on_large_stack};

/// How BUILD files are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether there are spaces around the `=` of arguments.
    pub spaced: bool,
    /// How many spaces a level is moved in by.
    pub indent: usize,
    /// The quote of strings.
    pub quote: char,
    /// Whether targets say their name also where it is that of their directory.
    pub names: bool,
    /// Whether rules are called by the names that Pants 2 has for them.
    pub pants: bool,
    /// How often each name of a rule is called.
    called: BTreeMap<String, usize>,
}

impl Default for Style {
    fn default() -> Self {
        Self { spaced: true, indent: 4, quote: '"', names: false, pants: false, called: BTreeMap::new() }
    }
}

/// What was counted, as for minus against.
#[derive(Default)]
struct Counts {
    spaced: i64,
    double: i64,
    names: i64,
    pants: i64,
    indents: BTreeMap<usize, usize>,
    called: BTreeMap<String, usize>,
}

impl Style {
    /// The style of some BUILD files, each with its directory; what cannot be read has no say.
    pub fn of<'t>(files: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let files: Vec<(&str, &str)> = files.into_iter().collect();
        let counts = on_large_stack(|| {
            let mut counts = Counts::default();
            for (directory, text) in files {
                if let Ok(source) = Source::parse("BUILD", text) {
                    counts.file(directory, &source);
                }
            }
            counts
        });
        let most = counts.indents.iter().max_by_key(|(indent, count)| (**count, **indent == 4));
        Self {
            spaced: counts.spaced >= 0,
            indent: most.map_or(4, |(indent, _)| *indent),
            quote: if counts.double >= 0 { '"' } else { '\'' },
            names: counts.names > 0,
            pants: counts.pants > 0,
            called: counts.called,
        }
    }

    /// The name that this repository has for a rule.
    pub fn rule(&self, canonical: &str) -> String {
        let Some(schema) = graph::schema(canonical) else { return canonical.to_owned() };
        let names = std::iter::once(schema.name).chain(schema.aliases.iter().copied());
        let count = |name: &&str| self.called.get(*name).copied().unwrap_or_default();
        let used = names.filter(|name| count(name) > 0).max_by_key(|name| (count(name), *name == canonical));
        let of_pants = || pants_name(canonical).filter(|name| self.pants && schema.aliases.contains(name));
        used.or_else(of_pants).unwrap_or(canonical).to_owned()
    }

    /// What stands between the name of an argument and its value.
    pub(super) fn equals(&self) -> &'static str {
        if self.spaced { " = " } else { "=" }
    }
}

/// What Pants 2 calls a rule that has another name here.
fn pants_name(canonical: &str) -> Option<&'static str> {
    match canonical {
        "python_library" => Some("python_sources"),
        "python_test" => Some("python_tests"),
        "python_binary" => Some("pex_binary"),
        _ => None,
    }
}

impl Counts {
    fn file(&mut self, directory: &str, source: &Source<'_>) {
        for token in source.parsed.tokens() {
            if token.kind() == TokenKind::String {
                match source.at(token.range()).trim_start_matches(|c: char| c.is_alphabetic()).chars().next()
                {
                    Some('\'') => self.double -= 1,
                    _ => self.double += 1,
                }
            }
        }
        for statement in &source.parsed.syntax().body {
            let value = match statement {
                Stmt::Expr(statement) => &*statement.value,
                Stmt::Assign(statement) => &*statement.value,
                _ => continue,
            };
            if let Expr::Call(call) = value {
                self.call(directory, source, call);
            }
        }
    }

    fn call(&mut self, directory: &str, source: &Source<'_>, call: &ruff_python_ast::ExprCall) {
        let Expr::Name(function) = &*call.func else { return };
        if let Some(schema) = graph::schema(&function.id) {
            *self.called.entry(function.id.to_string()).or_default() += 1;
            match pants_name(schema.name) {
                Some(name) if *name == *function.id => self.pants += 1,
                Some(_) => self.pants -= 1,
                None => {}
            }
        }
        let mut named = false;
        for keyword in &call.arguments.keywords {
            let Some(name) = &keyword.arg else { continue };
            let equals = source.between(name.end(), keyword.value.start());
            self.spaced += if equals.starts_with([' ', '\t']) { 1 } else { -1 };
            if name.as_str() == "name" {
                named = true;
                let given = keyword.value.as_string_literal_expr().map(|text| text.value.to_str());
                self.names += i64::from(given == Some(graph::last_segment(directory)));
            }
            let before = source.text[..usize::from(keyword.start())].rsplit('\n').next().unwrap_or_default();
            if !before.is_empty() && before.chars().all(|letter| letter == ' ') {
                *self.indents.entry(before.len()).or_default() += 1;
            }
        }
        self.names -= i64::from(!named);
    }
}
