//! Rewrites what Python has and Starlark has not; it knows brackets and commas, and no grammar.

use super::lexer::{Kind, Token};
use super::origin::Piece;

/// Words after which a bracket is no call and no subscript.
const KEYWORDS: [&str; 11] =
    ["and", "elif", "else", "for", "if", "in", "lambda", "load", "not", "or", "return"];

/// The function that takes the place of `parametrize` behind `**`.
const GROUP: &str = "__parametrize_group__";

/// Rewrites a file.
pub(super) struct Rewriter<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: &'t [Token],
    pub(super) out: String,
    pub(super) pieces: Vec<Piece>,
    /// Whether something is not as it was written.
    pub(super) changed: bool,
}

/// An element between commas: from which token to which.
type Element = (usize, usize);

/// What is directly inside of a pair of brackets.
#[derive(Default)]
struct Inside {
    elements: Vec<Element>,
    has_for: bool,
    has_colon: bool,
}

impl Rewriter<'_> {
    /// Takes over the text from `from` to `to`, which the tokens from `first` up to `last` are in.
    pub(super) fn emit(&mut self, first: usize, last: usize, from: usize, to: usize) {
        let mut at = from;
        let mut index = first;
        while index < last {
            let token = self.tokens[index];
            match token.kind {
                Kind::String => {
                    let run = self.tokens[index..last].iter().take_while(|next| next.kind == Kind::String);
                    let count = run.count();
                    self.copy(at, token.start);
                    self.strings(index, index + count);
                    index += count - 1;
                    at = self.tokens[index].end;
                }
                Kind::Open => {
                    self.copy(at, token.start);
                    self.group(index);
                    index = token.other;
                    at = self.tokens[index].end;
                }
                Kind::StarStar if index + 1 < last && self.word(index + 1) == "parametrize" => {
                    self.copy(at, self.tokens[index + 1].start);
                    self.insert(GROUP, self.tokens[index + 1].start);
                    index += 1;
                    at = self.tokens[index].end;
                }
                _ => {}
            }
            index += 1;
        }
        self.copy(at, to);
    }

    /// Strings beside each other are one.
    fn strings(&mut self, first: usize, last: usize) {
        let several = last - first > 1;
        let begin = self.tokens[first].start;
        if several {
            self.insert("\"\".join([", begin);
        }
        let mut at = begin;
        for token in &self.tokens[first..last] {
            let Token { start, end, .. } = *token;
            if several && start > at {
                self.insert(",", start);
            }
            self.copy(at, start);
            // Python 2 has a prefix for what all strings are here.
            let bare = self.text[start..end].starts_with(['u', 'U']);
            self.changed |= bare;
            self.copy(if bare { start + 1 } else { start }, end);
            at = end;
        }
        if several {
            self.insert("])", at - 1);
        }
    }

    /// What is between two brackets, with them.
    fn group(&mut self, open: usize) {
        let token = self.tokens[open];
        let (start, close) = (token.start, self.tokens[token.other]);
        let inside = self.inside(open);
        let starts = |kind: Kind| inside.elements.iter().any(|element| self.tokens[element.0].kind == kind);
        let (stars, dictionaries) = (starts(Kind::Star), starts(Kind::StarStar));
        let follows = self.follows_operand(open);
        let bracket = self.text.as_bytes()[start];
        match bracket {
            b'{' if dictionaries => self.merged("(", &inside.elements, ")", token, close),
            b'{' if inside.elements.is_empty() || inside.has_colon => self.plain(open, "", ""),
            b'{' if stars => {
                self.insert("set(", start);
                self.joined(&inside.elements, token, close);
                self.insert(")", close.start);
            }
            b'{' => {
                self.insert("set([", start);
                self.emit(open + 1, token.other, token.end, close.start);
                self.insert("])", close.start);
            }
            b'(' if inside.has_for => self.plain(open, "[", "]"),
            b'(' if follows && mixed(&inside.elements, self.tokens) => {
                self.keywords(&inside.elements, token, close);
            }
            b'(' if !follows && stars => {
                self.insert("tuple(", start);
                self.joined(&inside.elements, token, close);
                self.insert(")", close.start);
            }
            b'[' if !follows && stars => self.joined(&inside.elements, token, close),
            _ => self.plain(open, "", ""),
        }
    }

    /// The brackets as they are, with something more inside of them.
    fn plain(&mut self, open: usize, before: &str, after: &str) {
        let (token, close) = (self.tokens[open], self.tokens[self.tokens[open].other]);
        self.copy(token.start, token.end);
        self.insert(before, token.start);
        self.emit(open + 1, token.other, token.end, close.start);
        self.insert(after, close.start);
        self.copy(close.start, close.end);
    }

    /// `[a, *b]` as `([a,] + list(b))`.
    fn joined(&mut self, elements: &[Element], open: Token, close: Token) {
        self.insert("(", open.start);
        let mut in_list = false;
        for (number, &(first, last)) in elements.iter().enumerate() {
            let start = self.tokens[first].start;
            let starred = self.tokens[first].kind == Kind::Star;
            if number > 0 && (starred || !in_list) {
                self.insert(if in_list { "] + " } else { " + " }, start);
            }
            if starred {
                self.insert("list(", start);
                self.element((first + 1, last));
                self.insert(")", self.tokens[last - 1].end - 1);
            } else {
                if number == 0 || !in_list {
                    self.insert("[", start);
                }
                self.element((first, last));
                self.insert(", ", self.tokens[last - 1].end - 1);
            }
            in_list = !starred;
        }
        self.insert(if in_list { "])" } else { ")" }, close.start);
    }

    /// `{**a, "b": c}` as `(dict(a) | {"b": c,})`.
    fn merged(&mut self, before: &str, elements: &[Element], after: &str, open: Token, close: Token) {
        self.insert(before, open.start);
        for (number, &(first, last)) in elements.iter().enumerate() {
            let (start, end) = (self.tokens[first].start, self.tokens[last - 1].end - 1);
            if number > 0 {
                self.insert(" | ", start);
            }
            if self.tokens[first].kind == Kind::StarStar {
                self.insert("dict(", start);
                self.emit(first + 1, last, self.tokens[first].end, end + 1);
                self.insert(")", end);
            } else {
                self.insert("{", start);
                self.element((first, last));
                self.insert("}", end);
            }
        }
        self.insert(after, close.start);
    }

    /// `f(**a, b = c, **d)` as `f(b = c, **(dict(a) | dict(d)))`.
    fn keywords(&mut self, elements: &[Element], open: Token, close: Token) {
        let is_dictionary = |element: &&Element| self.tokens[element.0].kind == Kind::StarStar;
        let (dictionaries, others): (Vec<&Element>, Vec<&Element>) = elements.iter().partition(is_dictionary);
        self.copy(open.start, open.end);
        for &&element in &others {
            self.element(element);
            self.insert(", ", self.tokens[element.1 - 1].end - 1);
        }
        self.insert("**(", close.start);
        for (number, &&(first, last)) in dictionaries.iter().enumerate() {
            let start = self.tokens[first].start;
            self.insert(if number > 0 { " | dict(" } else { "dict(" }, start);
            let group = first + 1 < last && self.word(first + 1) == "parametrize";
            if group {
                self.insert(GROUP, self.tokens[first + 1].start);
            }
            let first = if group { first + 1 } else { first };
            let end = self.tokens[last - 1].end;
            self.emit(first + 1, last, self.tokens[first].end, end);
            self.insert(")", end - 1);
        }
        self.insert(")", close.start);
        self.copy(close.start, close.end);
    }

    fn element(&mut self, (first, last): Element) {
        if first < last {
            self.emit(first, last, self.tokens[first].start, self.tokens[last - 1].end);
        }
    }

    /// What is directly inside of a bracket. The commas and the colon of a `lambda` are its own.
    fn inside(&self, open: usize) -> Inside {
        let close = self.tokens[open].other;
        let mut inside = Inside::default();
        let (mut start, mut index, mut lambdas) = (open + 1, open + 1, 0_usize);
        while index < close {
            match self.tokens[index].kind {
                Kind::Open => index = self.tokens[index].other,
                Kind::Comma if lambdas == 0 => {
                    inside.elements.push((start, index));
                    start = index + 1;
                }
                Kind::Colon if lambdas > 0 => lambdas -= 1,
                Kind::Colon => inside.has_colon = true,
                Kind::Word if self.word(index) == "lambda" => lambdas += 1,
                Kind::Word if self.word(index) == "for" => inside.has_for = true,
                _ => {}
            }
            index += 1;
        }
        inside.elements.push((start, close));
        inside.elements.retain(|(first, last)| first < last);
        inside
    }

    /// Whether a bracket calls or subscribes what is in front of it.
    fn follows_operand(&self, open: usize) -> bool {
        let Some(before) = open.checked_sub(1) else { return false };
        match self.tokens[before].kind {
            Kind::Word => !KEYWORDS.contains(&self.word(before)),
            Kind::String | Kind::Close => true,
            _ => false,
        }
    }

    fn word(&self, index: usize) -> &str {
        let token = self.tokens[index];
        if token.kind == Kind::Word { &self.text[token.start..token.end] } else { "" }
    }

    fn copy(&mut self, from: usize, to: usize) {
        if from < to {
            self.pieces.push(Piece { new: self.out.len(), old: from, copied: true });
            self.out.push_str(&self.text[from..to]);
        }
    }

    fn insert(&mut self, text: &str, at: usize) {
        if !text.is_empty() {
            self.changed = true;
            self.pieces.push(Piece { new: self.out.len(), old: at, copied: false });
            self.out.push_str(text);
        }
    }
}

/// Whether the arguments of a call have more than one `**`, or one that is not the last.
fn mixed(elements: &[Element], tokens: &[Token]) -> bool {
    let is_dictionary = |element: &Element| tokens[element.0].kind == Kind::StarStar;
    let first = elements.iter().position(is_dictionary);
    first.is_some_and(|first| first + 1 < elements.len())
}
