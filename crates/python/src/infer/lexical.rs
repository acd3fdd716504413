//! The tokens of Python, as far as imports need them, and how deeply a parser would have to descend for them. In one
//! pass without recursion, whatever the text is.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// A string without replacement fields.
    String,
    /// One character; `f` for a string with replacement fields, `0` for a number.
    Sign(u8),
    /// The end of a logical line.
    Newline,
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    /// Where it begins.
    pub(super) at: usize,
    /// Whether it is in brackets.
    inside: bool,
}

impl Token<'_> {
    pub(super) fn is(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// Whether a statement may begin behind it.
    pub(super) fn begins_statement(&self) -> bool {
        match self.kind {
            Kind::Newline => true,
            Kind::Sign(b';' | b':') => !self.inside,
            _ => false,
        }
    }
}

/// A string with replacement fields that is open.
#[derive(Clone, Copy, Debug)]
struct Formatted {
    quote: u8,
    triple: bool,
}

/// Something that is open.
#[derive(Clone, Copy, Debug)]
enum Open {
    Bracket,
    /// A replacement field, perhaps in its format specification.
    Field(Formatted, bool),
}

/// How deep the tree of one bracket's content can be at most.
#[derive(Clone, Copy, Debug, Default)]
struct Height {
    /// What a comma ends.
    soft: usize,
    /// What only the end of the line or the bracket ends.
    hard: usize,
}

/// An upper bound of the depth of the syntax tree.
pub(super) fn depth(text: &str) -> usize {
    let mut lexer = Lexer::new(text);
    while lexer.next().is_some() {}
    lexer.deepest
}

/// An iterator over the tokens of a text.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Open>,
    /// Of the text itself, and of all that is open.
    heights: Vec<Height>,
    height: usize,
    deepest: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        Lexer { text, at: 0, open: Vec::new(), heights: vec![Height::default()], height: 0, deepest: 0 }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or_default()
    }

    fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn rest(&self) -> &'t [u8] {
        &self.text.as_bytes()[self.at.min(self.text.len())..]
    }

    /// Passes over what is no token.
    fn skip(&mut self) {
        while !self.is_done() {
            match self.byte(0) {
                b' ' | b'\t' | b'\x0c' => self.at += 1,
                b'\r' | b'\n' if !self.open.is_empty() => self.at += 1,
                b'\\' if matches!(self.byte(1), b'\n' | b'\r') => {
                    self.at += if self.byte(1) == b'\r' && self.byte(2) == b'\n' { 3 } else { 2 };
                }
                b'#' => {
                    let end = self.rest().iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.at += end.unwrap_or(self.rest().len());
                }
                _ => return,
            }
        }
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        self.at += self.rest().iter().position(|byte| !inside(byte)).unwrap_or(self.rest().len());
        let prefix = &self.text.as_bytes()[start..self.at];
        let is_prefix = prefix.len() <= 2 && prefix.iter().all(|byte| b"rRbBuUfFtT".contains(byte));
        if is_prefix && matches!(self.byte(0), b'"' | b'\'') {
            return self.string(prefix.iter().any(|byte| b"fFtT".contains(byte)));
        }
        Kind::Word
    }

    /// A string from its quote on.
    fn string(&mut self, formatted: bool) -> Kind {
        let quote = self.byte(0);
        let triple = self.byte(1) == quote && self.byte(2) == quote;
        self.at += if triple { 3 } else { 1 };
        let string = Formatted { quote, triple };
        self.literal(string, formatted, false);
        if formatted { Kind::Sign(b'f') } else { Kind::String }
    }

    /// Passes over the text of a string, to its end or into its next replacement field.
    fn literal(&mut self, string: Formatted, formatted: bool, mut specification: bool) {
        while !self.is_done() {
            let byte = self.byte(0);
            match byte {
                b'\\' => self.at += 2,
                b'\n' | b'\r' if !string.triple => return,
                b'{' if formatted && !specification && self.byte(1) == b'{' => self.at += 2,
                b'{' if formatted => {
                    self.at += 1;
                    return self.open(Open::Field(string, false));
                }
                b'}' if specification => {
                    self.at += 1;
                    self.close();
                    specification = matches!(self.open.last(), Some(Open::Field(_, true)));
                }
                _ if byte == string.quote
                    && (!string.triple || (self.byte(1) == byte && self.byte(2) == byte)) =>
                {
                    self.at += if string.triple { 3 } else { 1 };
                    // The fields that a quote breaks off end with the string.
                    while specification && matches!(self.open.last(), Some(Open::Field(_, true))) {
                        self.close();
                    }
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.text.len();
    }

    fn open(&mut self, open: Open) {
        self.open.push(open);
        self.heights.push(Height::default());
    }

    fn close(&mut self) {
        if self.open.pop().is_some()
            && let Some(Height { soft, hard }) = self.heights.pop()
        {
            self.height -= soft + hard;
        }
    }

    /// One character that is neither in a word nor in a string.
    fn sign(&mut self) -> Kind {
        let byte = self.byte(0);
        self.at += 1;
        match (byte, self.open.last().copied()) {
            (b'(' | b'[' | b'{', _) => self.open(Open::Bracket),
            (b'}', Some(Open::Field(string, _))) => {
                self.close();
                let specification = matches!(self.open.last(), Some(Open::Field(_, true)));
                self.literal(string, true, specification);
            }
            (b':', Some(Open::Field(string, false))) => {
                self.open.pop();
                self.open.push(Open::Field(string, true));
                self.literal(string, true, true);
            }
            (b')' | b']' | b'}', Some(Open::Bracket)) => self.close(),
            (b'0'..=b'9', _) => {
                let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
                self.at += self.rest().iter().position(|byte| !inside(byte)).unwrap_or(self.rest().len());
                return Kind::Sign(b'0');
            }
            _ => {}
        }
        Kind::Sign(byte)
    }

    /// Counts a token in.
    fn grow(&mut self, kind: Kind, text: &str) {
        let outside = self.open.is_empty();
        let Some(here) = self.heights.last_mut() else { return };
        match kind {
            Kind::Newline | Kind::Sign(b';') if outside => {
                self.height -= here.soft + here.hard;
                *here = Height::default();
                return;
            }
            Kind::Sign(b',') => {
                self.height -= here.soft;
                here.soft = 0;
                return;
            }
            Kind::Word if text == "lambda" => here.hard += 1,
            Kind::Sign(b':') if outside => here.hard += 1,
            _ => here.soft += 1,
        }
        self.height += 1;
        self.deepest = self.deepest.max(self.height);
    }
}

impl<'t> Iterator for Lexer<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        self.skip();
        if self.is_done() {
            return None;
        }
        let (at, inside) = (self.at, !self.open.is_empty());
        let kind = match self.byte(0) {
            b'\n' | b'\r' => {
                self.at += 1;
                Kind::Newline
            }
            b'"' | b'\'' => self.string(false),
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => self.word(),
            _ => self.sign(),
        };
        self.at = self.at.min(self.text.len());
        let text = self.text.get(at..self.at).unwrap_or_default();
        self.grow(kind, text);
        Some(Token { kind, text, at, inside })
    }
}
