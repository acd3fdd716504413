//! Calls that import a module by a literal name, found in a stream of tokens. Knows neither lexer.

use super::imports::literal;

/// What matters of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// A name or keyword.
    Word(&'t str),
    /// A string with its quotes.
    String(&'t str),
    /// `(`, `)`, `,`, `=` and so on; 0 for anything else.
    Sign(u8),
}

/// A call that was recognised.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call<'t> {
    /// Where the name of the module is.
    pub(super) at: usize,
    /// How many dots are in front of it.
    pub(super) level: u32,
    /// The module.
    pub(super) module: &'t str,
    /// Whether the file works without it.
    pub(super) weak: bool,
}

/// The call of pytest that leaves tests out where a module is not there.
pub(super) const SKIPPING: &str = "importorskip";

/// How far a call has been recognised.
#[derive(Clone, Copy, Debug, Default)]
enum State<'t> {
    #[default]
    Nothing,
    Name,
    Open,
    Module(usize, &'t str),
    /// After the comma behind a module that begins with dots.
    Package(usize, &'t str),
}

/// Recognises `import_module("a.b")`, `import_module(".b", __package__)`, `__import__("a")` and `importorskip("a")`.
#[derive(Debug, Default)]
pub(super) struct Calls<'t> {
    state: State<'t>,
    /// Whether the call is one that works without the module.
    weak: bool,
}

impl<'t> Calls<'t> {
    /// Takes the next token, and gives the call that it completes.
    pub(super) fn next(&mut self, at: usize, piece: Piece<'t>) -> Option<Call<'t>> {
        let mut found = None;
        let weak = self.weak;
        self.state = match (self.state, piece) {
            (_, Piece::Word(name @ ("import_module" | "__import__" | SKIPPING))) => {
                self.weak = name == SKIPPING;
                State::Name
            }
            (State::Name, Piece::Sign(b'(')) => State::Open,
            (State::Open, Piece::String(token)) => {
                literal(token).map_or(State::Nothing, |module| State::Module(at, module))
            }
            (State::Module(at, module), Piece::Sign(b',')) if module.starts_with('.') => {
                State::Package(at, module)
            }
            (State::Module(at, module), Piece::Sign(b',' | b')')) => {
                found = Some(Call { at, level: 0, module, weak });
                State::Nothing
            }
            (state @ State::Package(..), Piece::Word("package") | Piece::Sign(b'=')) => state,
            (State::Package(at, dotted), Piece::Word("__package__" | "__name__")) => {
                let module = dotted.trim_start_matches('.');
                let level = u32::try_from(dotted.len() - module.len()).unwrap_or(u32::MAX);
                found = Some(Call { at, level, module, weak });
                State::Nothing
            }
            _ => State::Nothing,
        };
        found
    }
}
