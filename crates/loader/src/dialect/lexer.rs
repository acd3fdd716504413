//! The tokens of a BUILD file as far as Python and Starlark differ in them; it does not know what they mean.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// A string with its prefix.
    String,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
    Comma,
    Colon,
    Star,
    StarStar,
    /// The end of a line outside of brackets.
    Newline,
    /// An operator.
    Other,
}

/// A token and where it is, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Of a bracket: the token that is its other end.
    pub(super) other: usize,
}

/// A file in tokens.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) list: Vec<Token>,
    /// The tabs outside of strings and comments.
    pub(super) tabs: Vec<usize>,
    /// Where the indentation of each statement is.
    pub(super) indents: Vec<(usize, usize)>,
}

/// The tokens of a text; none where a bracket or a string has no end.
pub(super) fn tokens(text: &str) -> Option<Tokens> {
    let mut lexer = Lexer { text: text.as_bytes(), at: 0, found: Tokens::default(), open: Vec::new() };
    lexer.indent();
    while lexer.at < lexer.text.len() {
        lexer.token()?;
    }
    lexer.open.is_empty().then_some(lexer.found)
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    found: Tokens,
    /// The brackets that are open.
    open: Vec<usize>,
}

impl Lexer<'_> {
    fn token(&mut self) -> Option<()> {
        let start = self.at;
        match self.text[start] {
            b'\t' => {
                self.found.tabs.push(start);
                self.at += 1;
            }
            b' ' | b'\r' => self.at += 1,
            b'\\' if self.text[start + 1..].starts_with(b"\r\n") => self.at += 3,
            b'\\' if self.text[start + 1..].starts_with(b"\n") => self.at += 2,
            b'\\' => self.at += 1,
            b'#' => self.skip_while(|byte| byte != b'\n'),
            b'\n' if self.open.is_empty() => {
                self.push(Kind::Newline, 1);
                self.indent();
            }
            b'\n' => self.at += 1,
            b'(' | b'[' | b'{' => {
                self.open.push(self.found.list.len());
                self.push(Kind::Open, 1);
            }
            b')' | b']' | b'}' => {
                let open = self.open.pop()?;
                self.found.list[open].other = self.found.list.len();
                self.push(Kind::Close, 1);
                self.found.list.last_mut()?.other = open;
            }
            b',' => self.push(Kind::Comma, 1),
            b':' => self.push(Kind::Colon, 1),
            b'*' if self.text.get(start + 1) == Some(&b'*') => self.push(Kind::StarStar, 2),
            b'*' => self.push(Kind::Star, 1),
            byte if byte == b'"' || byte == b'\'' || is_word(byte) => {
                let kind = self.word()?;
                self.found.list.push(Token { kind, start, end: self.at, other: 0 });
            }
            _ => self.push(Kind::Other, 1),
        }
        Some(())
    }

    fn push(&mut self, kind: Kind, length: usize) {
        self.found.list.push(Token { kind, start: self.at, end: self.at + length, other: 0 });
        self.at += length;
    }

    /// Takes the indentation of a line that begins a statement.
    fn indent(&mut self) {
        let start = self.at;
        self.skip_while(|byte| byte == b' ' || byte == b'\t');
        let tabs = self.text[start..self.at].iter().enumerate().filter(|(_, byte)| **byte == b'\t');
        self.found.tabs.extend(tabs.map(|(index, _)| start + index));
        if self.text.get(self.at).is_some_and(|byte| !b"\r\n#".contains(byte)) {
            self.found.indents.push((start, self.at));
        }
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        self.at += self.text[self.at..].iter().take_while(|&&byte| keep(byte)).count();
    }

    /// Takes a word, or the string that it is the prefix of.
    fn word(&mut self) -> Option<Kind> {
        let start = self.at;
        self.skip_while(is_word);
        let prefix = &self.text[start..self.at];
        let is_prefix = prefix.len() <= 2 && prefix.iter().all(|byte| b"rRbBuUfF".contains(byte));
        if !matches!(self.text.get(self.at), Some(b'"' | b'\'')) || !is_prefix {
            return Some(Kind::Word);
        }
        let formatted = prefix.iter().any(|byte| b"fF".contains(byte));
        self.string(formatted)?;
        Some(Kind::String)
    }

    /// Takes a string. A raw one has the same end, since a backslash also keeps its quote from ending it.
    fn string(&mut self, formatted: bool) -> Option<()> {
        let quote = self.text[self.at];
        let triple = self.text[self.at..].starts_with(&[quote; 3]);
        let close: &[u8] = if triple { &[quote; 3] } else { &[quote] };
        self.at += close.len();
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            if rest.starts_with(close) {
                self.at += close.len();
                return Some(());
            }
            match rest[0] {
                b'\\' => self.at += 2,
                b'\n' if !triple => return None,
                b'{' if formatted && rest.starts_with(b"{{") => self.at += 2,
                b'{' if formatted => self.replacement()?,
                _ => self.at += 1,
            }
        }
    }

    /// Takes the expression in the braces of a formatted string. A string in it is not formatted itself.
    fn replacement(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match *self.text.get(self.at)? {
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' => depth = depth.checked_sub(1)?,
                b'"' | b'\'' => {
                    self.string(false)?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte >= 0x80
}
