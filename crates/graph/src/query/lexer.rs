//! Cuts an expression into tokens; it does not know their order.

use std::ops::Range;

use super::error::{QueryError, QueryReason};

/// A token and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// The bytes of the expression, quotes included.
    pub(super) range: Range<usize>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word without quotes that is not reserved.
    Word,
    /// A word in quotes.
    Quoted,
    Open,
    Close,
    Comma,
    Equals,
    Union,
    Intersect,
    Except,
    Let,
    In,
    Set,
    /// The end of the expression.
    End,
}

impl Token {
    /// The text of a word, without quotes.
    pub(super) fn word<'e>(&self, expression: &'e str) -> Option<&'e str> {
        match self.kind {
            Kind::Word => expression.get(self.range.clone()),
            Kind::Quoted => expression.get(self.range.start + 1..self.range.end - 1),
            _ => None,
        }
    }
}

/// The tokens of an expression; the last one is its end.
pub(super) fn tokens(expression: &str) -> Result<Vec<Token>, Box<QueryError>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = expression[at..].chars().next() {
        let length = first.len_utf8();
        let single = |kind| Some((kind, length));
        let found = match first {
            _ if first.is_whitespace() => None,
            '(' => single(Kind::Open),
            ')' => single(Kind::Close),
            ',' => single(Kind::Comma),
            '=' => single(Kind::Equals),
            '+' => single(Kind::Union),
            '^' => single(Kind::Intersect),
            '-' => single(Kind::Except),
            '"' | '\'' => {
                let Some(inside) = expression[at + 1..].find(first) else {
                    return Err(QueryError::at(expression, at..expression.len(), QueryReason::Unclosed));
                };
                Some((Kind::Quoted, inside + 2))
            }
            _ if in_word(first) && first != '*' => {
                let rest = &expression[at..];
                let length = rest.find(|next| !in_word(next)).unwrap_or(rest.len());
                Some((reserved(&rest[..length]), length))
            }
            _ => {
                return Err(QueryError::at(expression, at..at + length, QueryReason::Character(first)));
            }
        };
        match found {
            Some((kind, length)) => {
                tokens.push(Token { kind, range: at..at + length });
                at += length;
            }
            None => at += length,
        }
    }
    tokens.push(Token { kind: Kind::End, range: at..at });
    Ok(tokens)
}

fn in_word(char: char) -> bool {
    char.is_alphanumeric() || "*/@.-_:$~[]#%!".contains(char)
}

fn reserved(word: &str) -> Kind {
    match word {
        "union" => Kind::Union,
        "intersect" => Kind::Intersect,
        "except" => Kind::Except,
        "let" => Kind::Let,
        "in" => Kind::In,
        "set" => Kind::Set,
        _ => Kind::Word,
    }
}
