//! `METADATA` and `WHEEL` of a wheel, read tolerantly: what older tools wrote wrongly does not stop a build; judges
//! nothing.

use serde::{Deserialize, Serialize};

use crate::name::parse_extra;
use crate::requirement::Requirement;
use crate::{Version, VersionSpecifiers};

/// What the `METADATA` of a wheel says, as far as resolving and building need it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Metadata {
    /// `Name`, as written.
    pub name: String,
    /// `Version`, as written.
    pub version: String,
    /// Every readable `Requires-Dist`, as written.
    pub requires_dist: Vec<String>,
    /// `Requires-Python`, as written but for what is mended: a comma at the end, `.*` after `>=`.
    pub requires_python: Option<String>,
    /// Every readable `Provides-Extra`, normalised, in order.
    pub provides_extra: Vec<String>,
    /// The lines of those fields that do not read as what they should be; they are without effect.
    pub unreadable: Vec<String>,
}

impl Metadata {
    /// Reads the text of `METADATA`; never fails.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for (name, value) in headers(text) {
            match name.to_ascii_lowercase().as_str() {
                "name" if found.name.is_empty() => found.name = value,
                "version" if found.version.is_empty() => found.version = value,
                "requires-dist" => match value.parse::<Requirement>() {
                    Ok(_) => found.requires_dist.push(value),
                    Err(_) => found.unreadable.push(format!("{name}: {value}")),
                },
                "requires-python" => match specifiers(&value) {
                    Some(text) => found.requires_python = Some(text),
                    None => found.unreadable.push(format!("{name}: {value}")),
                },
                "provides-extra" => match parse_extra(&value) {
                    Ok(extra) => found.provides_extra.push(extra.to_string()),
                    Err(_) => found.unreadable.push(format!("{name}: {value}")),
                },
                _ => {}
            }
        }
        found
    }

    /// The requirements of [`Metadata::requires_dist`], parsed.
    #[must_use]
    pub fn requirements(&self) -> Vec<Requirement> {
        self.requires_dist.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// [`Metadata::requires_python`], parsed.
    #[must_use]
    pub fn python_specifiers(&self) -> Option<VersionSpecifiers> {
        self.requires_python.as_deref().and_then(|text| text.parse().ok())
    }

    /// [`Metadata::version`], parsed.
    #[must_use]
    pub fn parsed_version(&self) -> Option<Version> {
        self.version.parse().ok()
    }
}

/// The specifiers of a `Requires-Python`, mended where their meaning is plain.
fn specifiers(value: &str) -> Option<String> {
    let mended = || {
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parts = parts.map(|part| {
            let exact = part.starts_with("==") || part.starts_with("!=");
            if exact { part } else { part.strip_suffix(".*").unwrap_or(part) }
        });
        parts.collect::<Vec<_>>().join(",")
    };
    let reads = |text: &String| text.parse::<VersionSpecifiers>().is_ok();
    Some(value.to_owned()).filter(reads).or_else(|| Some(mended()).filter(reads))
}

/// The fields of a header block: until the first empty line, with continuation lines joined.
pub(crate) fn headers(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        if line.trim().is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = found.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            found.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_tolerantly() {
        let text = "\u{feff}metadata-version: 2.1\r\nNAME: Flask\r\nVersion: 3.0.3\r\nSummary: a\n  b: c\r\n\
            Requires-Dist: Werkzeug (>=3.0.0)\r\nRequires-Dist: asgiref>=3.2 ; extra == 'async'\r\n\
            Requires-Dist: not a requirement\r\nProvides-Extra: Async_IO\r\nProvides-Extra: ?\r\n\
            Requires-Python: >=3.6.*, <4,\r\n\r\nName: body\r\n";
        let found = Metadata::parse(text);
        assert_eq!((found.name.as_str(), found.version.as_str()), ("Flask", "3.0.3"));
        assert_eq!(found.requires_dist, ["Werkzeug (>=3.0.0)", "asgiref>=3.2 ; extra == 'async'"]);
        assert_eq!(found.requirements().len(), 2);
        assert_eq!(found.requires_python.as_deref(), Some(">=3.6,<4"));
        assert!(found.python_specifiers().is_some() && found.parsed_version().is_some());
        assert_eq!(found.provides_extra, ["async-io"]);
        assert_eq!(found.unreadable, ["Requires-Dist: not a requirement", "Provides-Extra: ?"]);
    }

    #[test]
    fn nothing_is_no_metadata() {
        assert_eq!(Metadata::parse(""), Metadata::default());
        assert_eq!(Metadata::parse("\n\nName: x"), Metadata::default());
    }
}
