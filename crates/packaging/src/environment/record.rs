//! `RECORD`: what a distribution has installed, as rows of CSV as Python's `csv` reads and writes them. Opens no file.

/// The rows of a `RECORD` before the hashes of all files are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// Whether lines end as on Windows.
    pub crlf: bool,
}

/// One file of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its path, relative to the folder of packages.
    pub path: String,
    /// Its hash and size.
    pub sum: Sum,
}

/// The hash and size of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sum {
    /// As they were found, both perhaps empty.
    Given {
        /// `sha256=` and the hash in URL-safe base 64 without padding.
        hash: String,
        /// The size in bytes.
        size: String,
    },
    /// Those of the file at this path of the environment, whose bytes are not known yet.
    Of(String),
}

impl Sum {
    /// The hash and size of these bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Sum {
        use base64::Engine as _;
        use sha2::Digest as _;
        let hash = sha2::Sha256::digest(bytes);
        let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash);
        Sum::Given { hash: format!("sha256={hash}"), size: bytes.len().to_string() }
    }
}

/// Reads the text of a `RECORD`; rows without a path are passed over.
pub(super) fn read(text: &str) -> Record {
    let crlf = text.split_inclusive('\n').next().is_some_and(|line| line.ends_with("\r\n"));
    let (mut rows, mut fields, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' | '\n' if !quoted => {
                fields.push(std::mem::take(&mut field));
                rows.extend(row(std::mem::take(&mut fields)));
            }
            other => field.push(other),
        }
    }
    fields.push(field);
    rows.extend(row(fields));
    Record { rows, crlf }
}

fn row(fields: Vec<String>) -> Option<Row> {
    let mut fields = fields.into_iter();
    let path = fields.next().filter(|path| !path.is_empty())?;
    let (hash, size) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    Some(Row { path, sum: Sum::Given { hash, size } })
}

/// A field as it stands in a row: quoted only where it has to be.
pub(crate) fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

impl Record {
    /// The text, where `sum` tells hash and size of a file of the environment.
    pub(super) fn render<E>(&self, mut sum: impl FnMut(&str) -> Result<Sum, E>) -> Result<String, E> {
        let end = if self.crlf { "\r\n" } else { "\n" };
        let mut text = String::new();
        for row in &self.rows {
            let computed = match &row.sum {
                Sum::Of(path) => sum(path)?,
                given @ Sum::Given { .. } => given.clone(),
            };
            let (hash, size) = match &computed {
                Sum::Given { hash, size } => (hash.as_str(), size.as_str()),
                Sum::Of(_) => ("", ""),
            };
            text.extend([&field(&row.path), ",", &field(hash), ",", &field(size), end]);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read is written the same way.
    fn check(text: &str, paths: &[&str]) {
        let record = read(text);
        assert_eq!(record.rows.iter().map(|row| row.path.as_str()).collect::<Vec<_>>(), paths);
        assert_eq!(record.render(|_| Ok::<_, ()>(Sum::of_bytes(b""))).unwrap(), text);
    }

    #[test]
    fn rows_are_kept() {
        check("a.py,sha256=x_-,3\nd/RECORD,,\n", &["a.py", "d/RECORD"]);
        check("a.py,sha256=x,3\r\n\"b,\"\"c\"\".py\",,\r\n", &["a.py", "b,\"c\".py"]);
        check("", &[]);
        assert_eq!(read("a,h,1\n\n\nb,h,2").rows.len(), 2);
    }

    #[test]
    fn sums_are_those_of_pip() {
        let empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU".to_owned();
        assert_eq!(Sum::of_bytes(b""), Sum::Given { hash: empty, size: "0".to_owned() });
    }
}
