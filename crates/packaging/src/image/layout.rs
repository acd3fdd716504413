//! Reads an OCI layout, a folder or a tar file of it. What is in it is not trusted: names are digests, and contents are checked
//! by who reads them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom, Take};
use std::path::{Path, PathBuf};

use oci_spec::image::ImageIndex;

use super::document::{digest_of, hex, parse};
use super::make::{BLOBS, INDEX};
use super::{ImageError, Sha256};

/// No document is longer.
const LONGEST_DOCUMENT: u64 = 16 << 20;

/// A layout on the disk.
#[derive(Debug)]
pub struct Layout {
    path: PathBuf,
    /// Where each file of an archive begins, and how long it is; none for a folder.
    members: Option<BTreeMap<String, (u64, u64)>>,
}

/// A blob of a layout.
#[derive(Debug)]
pub struct Content {
    /// The number of its bytes.
    pub size: u64,
    file: Take<File>,
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Layout {
    /// Opens a layout.
    ///
    /// # Errors
    /// [`ImageError::Unreadable`] where there is none.
    pub fn open(path: &Path) -> Result<Layout, ImageError> {
        let unreadable = |error: std::io::Error| ImageError::Unreadable {
            what: format!("the layout `{}`", path.display()),
            reason: error.to_string(),
        };
        let about = std::fs::metadata(path).map_err(unreadable)?;
        let members = if about.is_dir() { None } else { Some(members(path).map_err(unreadable)?) };
        Ok(Layout { path: path.to_owned(), members })
    }

    /// The images in it.
    ///
    /// # Errors
    /// Where its index cannot be read.
    pub fn index(&self) -> Result<ImageIndex, ImageError> {
        parse(&self.document_at(INDEX, "its index")?, "the index of a layout")
    }

    /// A document by its digest.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn document(&self, sha256: &Sha256) -> Result<Vec<u8>, ImageError> {
        self.document_at(&format!("{BLOBS}/{}", hex(sha256)), &format!("`{}`", digest_of(sha256)))
    }

    /// A blob by its digest.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn blob(&self, sha256: &Sha256) -> Result<Content, ImageError> {
        self.content(&format!("{BLOBS}/{}", hex(sha256)), &format!("`{}`", digest_of(sha256)))
    }

    fn document_at(&self, name: &str, what: &str) -> Result<Vec<u8>, ImageError> {
        let content = self.content(name, what)?;
        let mut bytes = Vec::new();
        let size = content.size;
        let read = content.take(LONGEST_DOCUMENT).read_to_end(&mut bytes);
        let reason = match read {
            Ok(_) if size <= LONGEST_DOCUMENT => return Ok(bytes),
            Ok(_) => format!("it is longer than {LONGEST_DOCUMENT} bytes"),
            Err(error) => error.to_string(),
        };
        Err(self.unreadable(what, reason))
    }

    fn content(&self, name: &str, what: &str) -> Result<Content, ImageError> {
        let failed = |error: std::io::Error| self.unreadable(what, error.to_string());
        let (path, range) = match &self.members {
            None => (self.path.join(name), None),
            Some(members) => {
                let range = members.get(name).ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
                (self.path.clone(), Some(*range))
            }
        };
        let mut file = File::open(path).map_err(failed)?;
        let size = match range {
            Some((start, size)) => {
                file.seek(SeekFrom::Start(start)).map_err(failed)?;
                size
            }
            None => file.metadata().map_err(failed)?.len(),
        };
        Ok(Content { size, file: file.take(size) })
    }

    fn unreadable(&self, what: &str, reason: String) -> ImageError {
        ImageError::Unreadable { what: format!("{what} of the layout `{}`", self.path.display()), reason }
    }
}

/// Where the files of an archive are.
fn members(path: &Path) -> std::io::Result<BTreeMap<String, (u64, u64)>> {
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(File::open(path)?).entries_with_seek()? {
        let entry = entry?;
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
            found.insert(name, (entry.raw_file_position(), entry.size()));
        }
    }
    Ok(found)
}
