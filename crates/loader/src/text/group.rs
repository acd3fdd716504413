//! Brackets with items between commas: calls, lists, tuples, sets and dictionaries, with the comments between the items.
//! Prints nothing.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{ArgOrKeyword, Expr};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::Source;

/// What stands in brackets, item by item.
pub(super) struct Group<'s> {
    /// What stands in front of the bracket: the function that is called.
    pub(super) function: &'s str,
    pub(super) open: TextRange,
    pub(super) close: TextRange,
    pub(super) items: Vec<Item<'s>>,
    /// Whether a comma follows a single item on the same line too.
    pub(super) is_tuple: bool,
}

pub(super) struct Item<'s> {
    pub(super) range: TextRange,
    pub(super) node: Node<'s>,
}

/// What an item is.
#[derive(Clone, Copy)]
pub(super) enum Node<'s> {
    Value(&'s Expr),
    /// `name = value`.
    Argument(TextRange, &'s Expr),
    /// `key: value`.
    Entry(&'s Expr, &'s Expr),
    /// Something that is left as it is written.
    Other,
}

/// Where a comment belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Behind the bracket that opens.
    Open,
    /// Above the item of this index, or above the bracket that closes.
    Above(usize),
    /// Behind the item of this index.
    Behind(usize),
}

impl<'s> Group<'s> {
    /// The group that an expression is; none for other expressions, and for what is written in a way of its own.
    pub(super) fn of(source: &Source<'s>, expression: &'s Expr) -> Option<Self> {
        let mut function = "";
        let mut is_tuple = false;
        let (range, children): (TextRange, Vec<(TextRange, Node<'s>)>) = match expression {
            Expr::Call(call) => {
                let plain = source.is_plain(call.func.end(), call.arguments.start(), "");
                function = source.at(call.func.range());
                if !plain || function.contains('\n') {
                    return None;
                }
                let arguments: Vec<_> = call.arguments.iter_source_order().collect();
                let is_generator =
                    |one: &ArgOrKeyword<'_>| matches!(one, ArgOrKeyword::Arg(Expr::Generator(_)));
                if arguments.iter().any(is_generator) {
                    return None;
                }
                (call.arguments.range(), arguments.into_iter().map(|one| argument(source, one)).collect())
            }
            Expr::List(list) => (list.range, values(&list.elts)),
            Expr::Set(set) => (set.range, values(&set.elts)),
            Expr::Tuple(tuple) if tuple.parenthesized => {
                is_tuple = true;
                (tuple.range, values(&tuple.elts))
            }
            Expr::Dict(dict) => {
                let entries = dict.items.iter().map(|entry| {
                    let start = entry.key.as_ref().map_or(entry.value.start(), Ranged::start);
                    let node = match &entry.key {
                        Some(key) if source.is_plain(key.end(), entry.value.start(), ":") => {
                            Node::Entry(key, &entry.value)
                        }
                        _ => Node::Other,
                    };
                    (TextRange::new(start, entry.value.end()), node)
                });
                (dict.range, entries.collect())
            }
            _ => return None,
        };
        let one = TextSize::from(1);
        let open = TextRange::at(range.start(), one);
        let close = TextRange::new(range.end() - one, range.end());
        let ranges = items(source, TextRange::new(open.end(), close.start()));
        if ranges.len() != children.len() {
            return None;
        }
        let item =
            |(range, (child, node))| Item { range, node: if range == child { node } else { Node::Other } };
        let items = ranges.into_iter().zip(children).map(item).collect();
        Some(Self { function, open, close, items, is_tuple })
    }

    /// The comments between the items, each with where it belongs.
    pub(super) fn comments(&self, source: &Source<'_>) -> Vec<(TextRange, Spot)> {
        let mut found: Vec<(TextRange, Spot)> = Vec::new();
        for comment in source.comments_in(TextRange::new(self.open.end(), self.close.start())) {
            if self.items.iter().any(|item| item.range.contains_range(*comment)) {
                continue;
            }
            let before = self.items.iter().filter(|item| item.range.end() <= comment.start()).count();
            let line = source.text[..usize::from(comment.start())].rsplit('\n').next().unwrap_or_default();
            let spot = match before.checked_sub(1) {
                _ if line.trim().is_empty() => Spot::Above(before),
                // A comma on a line of its own may have a comment too.
                Some(item)
                    if found.last().is_some_and(|(_, last)| {
                        [Spot::Behind(item), Spot::Above(before)].contains(last)
                    }) =>
                {
                    Spot::Above(before)
                }
                Some(item) => Spot::Behind(item),
                None => Spot::Open,
            };
            found.push((*comment, spot));
        }
        found
    }

    /// Whether it is written with an item a line.
    pub(super) fn is_open(&self, source: &Source<'_>) -> bool {
        let first = self.items.first().map_or(self.close.start(), |item| item.range.start());
        !self.items.is_empty() && source.between(self.open.end(), first).contains('\n')
    }
}

fn values(values: &[Expr]) -> Vec<(TextRange, Node<'_>)> {
    values.iter().map(|value| (value.range(), Node::Value(value))).collect()
}

fn argument<'s>(source: &Source<'s>, argument: ArgOrKeyword<'s>) -> (TextRange, Node<'s>) {
    match argument {
        ArgOrKeyword::Arg(value) => (value.range(), Node::Value(value)),
        ArgOrKeyword::Keyword(keyword) => {
            let node = match &keyword.arg {
                Some(name)
                    if source.is_plain(name.end(), keyword.value.start(), "=")
                        && keyword.value.end() == keyword.end() =>
                {
                    Node::Argument(name.range(), &keyword.value)
                }
                _ => Node::Other,
            };
            (keyword.range(), node)
        }
    }
}

/// The ranges between the commas of a range.
fn items(source: &Source<'_>, range: TextRange) -> Vec<TextRange> {
    let mut found = Vec::new();
    let mut current: Option<TextRange> = None;
    let mut depth = 0_usize;
    for token in source.parsed.tokens().in_range(range) {
        match token.kind() {
            TokenKind::Comment | TokenKind::NonLogicalNewline => continue,
            TokenKind::Comma if depth == 0 => {
                found.extend(current.take());
                continue;
            }
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => depth += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => depth = depth.saturating_sub(1),
            _ => {}
        }
        current = Some(current.map_or(token.range(), |current| current.cover(token.range())));
    }
    found.extend(current);
    found
}
