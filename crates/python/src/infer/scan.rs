//! The imports of a text from its tokens alone: for files that are nested too deeply for a parser. Knows no blocks, so
//! that everything it finds is weak.

use std::iter::Peekable;

use super::calls::{Calls, Piece};
use super::imports::{Detail, Found};
use super::lexical::{Kind, Lexer, Token};

pub(super) fn imports(text: &str, detail: Detail) -> Found<'_> {
    let mut scan = Scan {
        tokens: Lexer::new(text).peekable(),
        found: Found::new(text, detail),
        calls: Calls::default(),
    };
    scan.run();
    scan.found
}

struct Scan<'t> {
    tokens: Peekable<Lexer<'t>>,
    found: Found<'t>,
    calls: Calls<'t>,
}

impl<'t> Scan<'t> {
    fn run(&mut self) {
        let mut begins = true;
        while let Some(token) = self.tokens.next() {
            let began = std::mem::replace(&mut begins, token.begins_statement());
            match token.kind {
                Kind::Word if began && token.text == "import" => {
                    self.import();
                    begins = true;
                }
                Kind::Word if began && token.text == "from" => {
                    self.import_from(token.at);
                    begins = true;
                }
                // Such as `lazy import`.
                Kind::Word if began && token.text == "lazy" => begins = true,
                _ => self.call(&token),
            }
        }
    }

    fn call(&mut self, token: &Token<'t>) {
        let piece = match token.kind {
            Kind::Word => Piece::Word(token.text),
            Kind::String => {
                self.found.string(token.at, token.text);
                Piece::String(token.text)
            }
            Kind::Sign(sign) => Piece::Sign(sign),
            Kind::Newline => Piece::Sign(0),
        };
        if let Some(call) = self.calls.next(token.at, piece) {
            self.found.call(call.at, call.level, call.module, true);
        }
    }

    /// What follows `import`.
    fn import(&mut self) {
        while let Some((at, module)) = self.dotted() {
            self.found.module(at, module, true);
            self.alias();
            if !self.sign(b',') {
                break;
            }
        }
    }

    /// What follows `from`.
    fn import_from(&mut self, start: usize) {
        let mut level = 0;
        while self.sign(b'.') {
            level += 1;
        }
        let module = match self.tokens.peek() {
            Some(token) if token.text == "import" => None,
            _ => self.dotted(),
        };
        if !self.tokens.next_if(|token| token.text == "import").is_some_and(|token| token.kind == Kind::Word)
        {
            return;
        }
        let bracket = self.sign(b'(');
        let mut names = Vec::new();
        let mut end = start;
        while let Some(token) = self.tokens.next_if(|token| token.kind == Kind::Word || token.is(b'*')) {
            names.push((token.text.to_owned(), token.at));
            end = token.at;
            end = self.alias().unwrap_or(end);
            if !self.sign(b',') {
                break;
            }
        }
        if bracket && let Some(close) = self.tokens.next_if(|token| token.is(b')')) {
            end = close.at;
        }
        let at = module.as_ref().map(|(at, _)| *at).or(names.first().map(|(_, at)| *at)).unwrap_or(start);
        let module = module.map(|(_, module)| module).unwrap_or_default();
        self.found.from((start, end), at, (level, module), names, true);
    }

    fn dotted(&mut self) -> Option<(usize, String)> {
        let first = self.tokens.next_if(|token| token.kind == Kind::Word)?;
        let mut module = first.text.to_owned();
        while self.sign(b'.') {
            let Some(next) = self.tokens.next_if(|token| token.kind == Kind::Word) else { break };
            module.push('.');
            module.push_str(next.text);
        }
        Some((first.at, module))
    }

    /// Passes over `as name`, and says where it ends.
    fn alias(&mut self) -> Option<usize> {
        self.tokens.next_if(|token| token.kind == Kind::Word && token.text == "as")?;
        self.tokens.next_if(|token| token.kind == Kind::Word).map(|token| token.at)
    }

    fn sign(&mut self, sign: u8) -> bool {
        self.tokens.next_if(|token| token.is(sign)).is_some()
    }
}
