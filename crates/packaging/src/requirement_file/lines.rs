//! The logical lines of a requirements file: joined at `\`, without comments; knows what stands in none of them.

use crate::place::Place;

/// A logical line, which may have been written on several.
#[derive(Debug)]
pub(super) struct Line {
    /// What it says, without its comment and the space behind.
    pub(super) text: String,
    /// Where in `text` each written line begins, and where that is in the file.
    pieces: Vec<(usize, Place)>,
}

impl Line {
    /// Where in the file the byte at `offset` of the text stands.
    pub(super) fn place(&self, offset: usize) -> Place {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let index = self.pieces.partition_point(|(start, _)| *start <= end).saturating_sub(1);
        let (start, place) = self.pieces.get(index).copied().unwrap_or((0, Place { line: 1, column: 1 }));
        Place { line: place.line, column: place.column + count(&self.text[start.min(end)..end]) }
    }
}

/// The logical lines of a text that say anything.
///
/// As pip has it: a line that ends in `\` goes on in the next; a comment begins at a `#` that is first or behind
/// white space, and a line that is nothing else ends what goes on; comments are removed after lines are joined.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut all = Vec::new();
    let mut joined: Option<Line> = None;
    for (mut place, written) in written_lines(text) {
        let line = joined.get_or_insert_with(|| Line { text: String::new(), pieces: Vec::new() });
        let comment = written.trim_start().starts_with('#');
        if !comment && let Some(more) = written.strip_suffix('\\') {
            let more = more.trim_end_matches('\\');
            let said = more.trim_start_matches('\\');
            place.column += count(&more[..more.len() - said.len()]);
            line.pieces.push((line.text.len(), place));
            line.text.push_str(said);
            continue;
        }
        if comment {
            line.text.push(' ');
        }
        line.pieces.push((line.text.len(), place));
        line.text.push_str(written);
        all.extend(joined.take());
    }
    all.extend(joined);
    for line in &mut all {
        let end = comment_start(&line.text).unwrap_or(line.text.len());
        line.text.truncate(line.text[..end].trim_end().len());
    }
    all.retain(|line| !line.text.is_empty());
    all
}

/// Where the comment of a line begins.
fn comment_start(text: &str) -> Option<usize> {
    let mut spaced = true;
    for (offset, c) in text.char_indices() {
        if spaced && c == '#' {
            return Some(offset);
        }
        spaced = c.is_whitespace();
    }
    None
}

/// The lines as Python splits them, each with its place. Editors know fewer ends of lines, and so do places.
fn written_lines(text: &str) -> Vec<(Place, &str)> {
    let mut all = Vec::new();
    let mut place = Place { line: 1, column: 1 };
    let mut rest = text;
    while let Some((at, end)) = rest.char_indices().find(|(_, c)| is_line_end(*c)) {
        let written = &rest[..at];
        all.push((place, written));
        let pair = rest[at..].starts_with("\r\n");
        rest = &rest[at + if pair { 2 } else { end.len_utf8() }..];
        place = if pair || end == '\n' {
            Place { line: place.line.saturating_add(1), column: 1 }
        } else {
            Place { line: place.line, column: place.column + count(written) + 1 }
        };
    }
    if !rest.is_empty() {
        all.push((place, rest));
    }
    all
}

fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}' | '\u{1d}' | '\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}
