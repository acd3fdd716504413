//! From a place in a text that was rewritten to the place in the text that was written.

use graph::Place;
use std::sync::Arc;

/// A text as it was written, and how the parts of the new text come from it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    text: String,
    /// Where the lines of the text begin.
    lines: Vec<usize>,
    /// Sorted by where they are in the new text.
    pieces: Vec<Piece>,
}

/// A part of the new text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it begins in the new text.
    pub(super) new: usize,
    /// Where it is from.
    pub(super) old: usize,
    /// Whether it is copied; else it stands for the one letter there.
    pub(super) copied: bool,
}

impl Origin {
    pub(super) fn new(text: String, pieces: Vec<Piece>) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { text, lines, pieces }
    }

    /// The place of a part of the new text; what is longer than a line is cut at its end.
    pub(crate) fn place(&self, file: &Arc<str>, start: usize, end: usize) -> Place {
        let begin = self.old(start);
        let end = if end > start { self.old(end - 1) + 1 } else { begin };
        let line = self.lines.partition_point(|&first| first <= begin).max(1) - 1;
        let line_end = self.lines.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let count = |from: usize, to: usize| {
            let characters = self.text.get(from..to).map_or(0, |text| text.chars().count());
            u32::try_from(characters).unwrap_or(u32::MAX - 1)
        };
        let number = u32::try_from(line).unwrap_or(u32::MAX - 1) + 1;
        let width = count(begin, self.boundary(end.clamp(begin, line_end.max(begin))));
        Place::new(file.clone(), number, count(self.lines[line], begin) + 1).wide(width)
    }

    /// Where a byte of the new text is from.
    fn old(&self, new: usize) -> usize {
        let index = self.pieces.partition_point(|piece| piece.new <= new);
        let Some(piece) = self.pieces[..index].last() else { return 0 };
        let old = if piece.copied { piece.old + (new - piece.new) } else { piece.old };
        self.boundary(old.min(self.text.len()))
    }

    /// The first boundary of characters from there on.
    fn boundary(&self, at: usize) -> usize {
        (at..=self.text.len()).find(|at| self.text.is_char_boundary(*at)).unwrap_or(self.text.len())
    }
}
