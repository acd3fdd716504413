//! What GitHub shows beside a line of a file: a command of its runner, in the output of a job.

use std::fmt;

/// One annotation.
pub(crate) struct Annotation<'a> {
    /// `error`, `warning` or `notice`.
    pub(crate) level: &'a str,
    /// The file, the line and the column; a number that is 0 is not known.
    pub(crate) place: Option<(&'a str, u64, u64)>,
    pub(crate) title: &'a str,
    pub(crate) message: &'a str,
}

impl fmt::Display for Annotation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "::{} ", self.level)?;
        if let Some((file, line, column)) = self.place {
            write!(f, "file={},", property(file))?;
            for (name, number) in [("line", line), ("col", column)] {
                if number > 0 {
                    write!(f, "{name}={number},")?;
                }
            }
        }
        write!(f, "title={}::{}", property(self.title), data(self.message))
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
