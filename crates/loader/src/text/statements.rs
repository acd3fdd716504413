//! Prints a file statement by statement, with the comments and free lines between them. What defines, loops or decides stays
//! as it is written.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::format::{At, Printer};
use super::{Source, Style};

/// A statement or a comment, as it is printed.
struct Piece {
    text: String,
    /// How many lines are left free above it.
    free: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Comment,
    Call,
    Plain,
    /// A block: `def`, `for`, `if`.
    Block,
}

pub(super) fn print(source: &Source<'_>, style: &Style) -> String {
    let printer = Printer { source, style };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut end = TextSize::from(0);
    for (range, statement) in runs(source) {
        between(source, end, range.start(), &mut pieces);
        let free = free_lines(source, end, range.start());
        let (text, kind) = match statement {
            Some(statement) => printed(&printer, statement),
            None => (source.at(range).to_owned(), Kind::Block),
        };
        pieces.push(Piece { text, free, kind });
        end = range.end();
    }
    between(source, end, TextSize::of(source.text), &mut pieces);
    join(&pieces)
}

/// The statements with their ranges; those that share a line are one, and none of them is known.
fn runs<'s>(source: &'s Source<'_>) -> Vec<(TextRange, Option<&'s Stmt>)> {
    let mut runs: Vec<(TextRange, Option<&Stmt>)> = Vec::new();
    for statement in &source.parsed.syntax().body {
        let range = statement.range();
        match runs.last_mut() {
            Some((last, known)) if !source.between(last.end(), range.start()).contains('\n') => {
                *last = last.cover(range);
                *known = None;
            }
            _ => runs.push((range, Some(statement))),
        }
    }
    for (range, known) in &mut runs {
        let rest = &source.text[usize::from(range.end())..];
        let line = rest.split('\n').next().unwrap_or_default();
        if let Some(at) = line.find(';').filter(|at| line[..*at].trim().is_empty()) {
            let more = TextSize::try_from(at + 1).unwrap_or_default();
            *range = TextRange::new(range.start(), range.end() + more);
            *known = None;
        }
    }
    runs
}

fn printed<'s>(printer: &Printer<'_, 's>, statement: &'s Stmt) -> (String, Kind) {
    let source = printer.source;
    let range = statement.range();
    match statement {
        Stmt::Expr(found) if found.value.range() == range => {
            let text = printer.expression(&found.value, At { indent: 0, column: 0, tail: 0 });
            let kind = if matches!(&*found.value, Expr::Call(_)) { Kind::Call } else { Kind::Plain };
            (text, kind)
        }
        Stmt::Assign(found) => {
            let [Expr::Name(name)] = found.targets.as_slice() else {
                return (source.at(range).to_owned(), Kind::Plain);
            };
            let plain =
                source.is_plain(name.end(), found.value.start(), "=") && found.value.end() == range.end();
            if !plain || name.start() != range.start() {
                return (source.at(range).to_owned(), Kind::Plain);
            }
            let head = format!("{} = ", name.id);
            let at = At { indent: 0, column: head.chars().count(), tail: 0 };
            (format!("{head}{}", printer.expression(&found.value, at)), Kind::Plain)
        }
        Stmt::FunctionDef(_)
        | Stmt::For(_)
        | Stmt::If(_)
        | Stmt::While(_)
        | Stmt::With(_)
        | Stmt::ClassDef(_)
        | Stmt::Try(_) => (source.at(range).to_owned(), Kind::Block),
        _ => (source.at(range).to_owned(), Kind::Plain),
    }
}

/// The comments between two statements: the first may stand behind the statement before it.
fn between(source: &Source<'_>, start: TextSize, end: TextSize, pieces: &mut Vec<Piece>) {
    let mut last = start;
    for comment in source.comments_in(TextRange::new(start, end.max(start))) {
        let text = source.at(*comment).trim_end();
        let before = source.between(last, comment.start());
        match pieces.last_mut() {
            Some(piece) if !before.contains('\n') && piece.kind != Kind::Comment => {
                piece.text = format!("{}  {text}", piece.text);
            }
            previous => {
                // In a block, a comment may be of it.
                let own = before.rsplit('\n').next().unwrap_or_default();
                let in_block = previous.is_some_and(|previous| previous.kind == Kind::Block);
                let indent = if in_block { own } else { "" };
                let kind = if in_block && !own.is_empty() { Kind::Block } else { Kind::Comment };
                let free = free_lines(source, last, comment.start());
                pieces.push(Piece { text: format!("{indent}{text}"), free, kind });
            }
        }
        last = comment.end();
    }
}

/// How many lines are left free above `end`, behind the last comment.
fn free_lines(source: &Source<'_>, start: TextSize, end: TextSize) -> usize {
    let start = source.comments_in(TextRange::new(start, end.max(start))).last().map_or(start, Ranged::end);
    source.between(start, end).matches('\n').count().saturating_sub(1)
}

/// Puts the pieces under each other. Calls of several lines stand free.
fn join(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if let Some(before) = index.checked_sub(1).map(|before| &pieces[before]) {
            text.push('\n');
            let most = if [before.kind, piece.kind].contains(&Kind::Block) { 2 } else { 1 };
            let free = piece.free.min(most).max(usize::from(stands_free(pieces, index)));
            text.push_str(&"\n".repeat(free));
        }
        text.push_str(&piece.text);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Whether a line has to be free above a piece that has none: between two calls of which one has several lines.
fn stands_free(pieces: &[Piece], index: usize) -> bool {
    let next = pieces[index..].iter().find(|piece| piece.kind != Kind::Comment);
    let before = &pieces[index - 1];
    let comments = pieces[index..].iter().take_while(|piece| piece.kind == Kind::Comment);
    let separate = comments.skip(1).any(|piece| piece.free > 0);
    let is_call = |piece: &&Piece| piece.kind == Kind::Call;
    let Some(next) = next.filter(is_call).filter(|_| before.kind == Kind::Call && !separate) else {
        return false;
    };
    let gap = pieces[index..].iter().take_while(|piece| piece.kind == Kind::Comment).count();
    let free_below = gap > 0 && pieces.get(index + gap).is_some_and(|piece| piece.free > 0);
    !free_below && (before.text.contains('\n') || next.text.contains('\n'))
}
