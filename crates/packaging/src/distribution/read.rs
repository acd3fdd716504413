//! What a finished distribution says of itself: its core metadata, out of a wheel or a source distribution. Checks no
//! more than an upload needs.

use std::io::{Cursor, Read as _};

use flate2::read::GzDecoder;

use super::version::is_dirty;
use crate::Version;
use crate::wheel::headers;

/// No metadata is larger than this.
const LARGEST: u64 = 64 << 20;

/// A distribution, as its metadata describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// All fields in their order, the long description as `Description`.
    pub fields: Vec<(String, String)>,
    /// Whether it is a wheel.
    pub is_wheel: bool,
    /// The tag of the Pythons of a wheel, or `source`.
    pub python: String,
}

/// A file that is no distribution.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is no wheel or source distribution: {reason}")]
pub struct ReadError {
    /// The file.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Described {
    /// The first field of a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Whether its version says that it is made of what no commit has.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        let version = self.field("Version").and_then(|text| text.parse::<Version>().ok());
        version.is_some_and(|version| is_dirty(&version))
    }
}

/// Reads the metadata of the file `name`.
///
/// # Errors
/// Where it has none.
pub fn describe(name: &str, bytes: &[u8]) -> Result<Described, ReadError> {
    let failed = |reason: String| ReadError { name: name.to_owned(), reason };
    let is_wheel = name.ends_with(".whl");
    let text = if is_wheel { wheel_metadata(bytes) } else { sdist_metadata(bytes) };
    let text = text.map_err(|error| failed(error.to_string()))?;
    let text = text.ok_or_else(|| failed("it has no metadata".to_owned()))?;
    let mut fields = headers(&text);
    if let Some((_, body)) = text.split_once("\n\n") {
        fields.push(("Description".to_owned(), body.to_owned()));
    }
    let python = if is_wheel {
        name.trim_end_matches(".whl").rsplit('-').nth(2).unwrap_or_default().to_owned()
    } else {
        "source".to_owned()
    };
    Ok(Described { fields, is_wheel, python })
}

fn wheel_metadata(bytes: &[u8]) -> std::io::Result<Option<String>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    let is_metadata = |name: &str| {
        let mut parts = name.split('/');
        parts.next().is_some_and(|top| top.ends_with(".dist-info")) && parts.eq(["METADATA"])
    };
    let found = (0..archive.len()).find(|&index| {
        archive.by_index_raw(index).is_ok_and(|entry| entry.name().is_ok_and(|name| is_metadata(&name)))
    });
    let Some(index) = found else { return Ok(None) };
    let mut text = String::new();
    archive.by_index(index)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(Some(text))
}

fn sdist_metadata(bytes: &[u8]) -> std::io::Result<Option<String>> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        if path.split('/').skip(1).eq(["PKG-INFO"]) {
            let mut text = String::new();
            entry.take(LARGEST).read_to_string(&mut text)?;
            return Ok(Some(text));
        }
    }
    Ok(None)
}
