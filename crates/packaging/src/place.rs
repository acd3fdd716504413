//! Where in a text something stands: line and column, from one; knows no file.

use std::fmt;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The place of the byte at `offset` in `text`; past the end it is the end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            line: count(before.bytes().filter(|&b| b == b'\n').count() + 1),
            column: count(before[start..].chars().count() + 1),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A place is noted every so many bytes, so that no more need be counted.
const STEP: usize = 256;

/// The places of a text that is asked for many: what lies before one is not counted anew each time.
#[derive(Debug)]
pub(crate) struct Places<'t> {
    text: &'t str,
    marks: Vec<(usize, Place)>,
}

impl<'t> Places<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let mut marks = Vec::with_capacity(text.len() / STEP + 1);
        let mut place = Place { line: 1, column: 1 };
        for (offset, c) in text.char_indices() {
            if offset >= marks.len() * STEP {
                marks.push((offset, place));
            }
            place = after(place, c);
        }
        Self { text, marks }
    }

    /// What [`Place::of`] gives.
    pub(crate) fn of(&self, offset: usize) -> Place {
        let mark = self.marks[..self.marks.partition_point(|(at, _)| *at <= offset)].last();
        let (start, place) = mark.copied().unwrap_or((0, Place { line: 1, column: 1 }));
        let behind = self.text[start..].char_indices();
        behind.take_while(|(at, c)| start + at + c.len_utf8() <= offset).fold(place, |p, (_, c)| after(p, c))
    }
}

fn after(place: Place, c: char) -> Place {
    if c == '\n' {
        Place { line: place.line.saturating_add(1), column: 1 }
    } else {
        Place { column: place.column.saturating_add(1), ..place }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_those_of_place(text in "(é|a|\n){0,600}", offset in 0_usize..1300) {
            prop_assert_eq!(Places::new(&text).of(offset), Place::of(&text, offset));
        }
    }

    #[test]
    fn counts_characters_from_one() {
        let check = |offset, expect: &str| assert_eq!(Place::of("aé\nb", offset).to_string(), expect);
        check(0, "1:1");
        check(2, "1:2");
        check(3, "1:3");
        check(4, "2:1");
        check(99, "2:2");
    }
}
