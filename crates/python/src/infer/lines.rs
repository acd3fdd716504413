//! The lines of a text: which one an offset is in. Knows no language.

/// Where the lines of a text begin.
pub(super) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Lines {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines { starts: std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect() }
    }

    /// Line and column of an offset, both from 1, the column in characters.
    pub(super) fn place(&self, text: &str, at: usize) -> (u32, u32) {
        let index = self.index(at);
        let before = text.get(self.starts[index]..at).map_or(0, |before| before.chars().count());
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX - 1) + 1;
        (number(index), number(before))
    }

    /// The line that an offset is in.
    pub(super) fn line<'t>(&self, text: &'t str, at: usize) -> &'t str {
        let index = self.index(at);
        let end = self.starts.get(index + 1).copied().unwrap_or(text.len());
        text.get(self.starts[index]..end).unwrap_or_default()
    }

    fn index(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    fn check(text: &str, at: usize, place: (u32, u32), line: &str) {
        let lines = Lines::of(text);
        assert_eq!((lines.place(text, at), lines.line(text, at)), (place, line), "{text:?} {at}");
    }

    #[test]
    fn offsets_have_lines_and_columns() {
        check("", 0, (1, 1), "");
        check("a\nbc", 1, (1, 2), "a\n");
        check("a\nbc", 3, (2, 2), "bc");
        check("ä\nöb", 5, (2, 2), "öb");
    }
}
