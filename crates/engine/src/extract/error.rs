//! What can be wrong with a zip file: facts, each with the archive and the entry that it is about.

use std::fmt;
use std::io;

use thiserror::Error;

/// One fault of one archive.
#[derive(Debug, Error)]
#[error("archive `{archive}`{}: {problem}", EntryPart(.entry.as_deref()))]
pub struct ExtractError {
    /// The archive's name as its user knows it: a file name, never a path of this machine.
    pub archive: String,
    /// The entry at fault, where it is one entry's.
    pub entry: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

/// All faults of one archive that could be told without one another; never empty.
#[derive(Debug, Error)]
#[error("{}", Joined(.0))]
pub struct ExtractErrors(Vec<ExtractError>);

/// A kind of fault.
#[derive(Debug, Error)]
pub enum Problem {
    /// The bytes of the archive could not be read, or those of an entry not written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A tree cannot hold the path.
    #[error(transparent)]
    Tree(#[from] store::TreeError),
    /// There is no end-of-central-directory record at the end.
    #[error("not a zip file: no end of a central directory found")]
    NotZip,
    /// A record contradicts the format.
    #[error("malformed zip file: {0}")]
    Malformed(&'static str),
    /// The entry is encrypted.
    #[error("entry is encrypted, which is not supported")]
    Encrypted,
    /// A method other than stored and deflate.
    #[error("compression method {0} is not supported, expected stored (0) or deflate (8)")]
    Method(u16),
    /// A symbolic link.
    #[error("entry is a symbolic link, expected files and directories only")]
    Symlink,
    /// A device, socket or the like.
    #[error("entry has the file type {0:#o}, expected files and directories only")]
    Special(u32),
    /// A name with a `..` component.
    #[error("path climbs out of the archive")]
    Climbs,
    /// A name that starts at a root.
    #[error("path is absolute, expected a relative one")]
    Absolute,
    /// A backslash, which some systems take for a separator.
    #[error("path has a backslash, expected `/` between its parts")]
    Backslash,
    /// A name that is no path at all.
    #[error("{0}")]
    Name(&'static str),
    /// Two entries of one name.
    #[error("there are two entries of this name")]
    Duplicate,
    /// A file where another entry needs a directory.
    #[error("is a file and a directory at once")]
    FileAndDirectory,
    /// The local header tells something else than the central directory.
    #[error("local header and central directory disagree about the {0}")]
    Disagreement(&'static str),
    /// Two entries share bytes of the file.
    #[error("its data overlaps that of `{0}`")]
    Overlap(String),
    /// The content is longer or shorter than the directory says.
    #[error("declared size is {declared} bytes, found {found}")]
    Size {
        /// By the central directory.
        declared: u64,
        /// What there was, or one byte more than declared where reading stopped.
        found: u64,
    },
    /// The content has another checksum than the directory says.
    #[error("declared CRC-32 is {declared:08x}, found {found:08x}")]
    Crc {
        /// By the central directory.
        declared: u32,
        /// Of the bytes.
        found: u32,
    },
    /// The compressed bytes do not decode.
    #[error("compressed data is corrupt")]
    Corrupt,
    /// Unpacked it would be out of proportion.
    #[error("unpacks to {size} bytes, more than the {limit} allowed")]
    Bomb {
        /// Declared, in all.
        size: u64,
        /// The most that an archive of this size may unpack to.
        limit: u64,
    },
    /// More entries than allowed.
    #[error("has {count} entries, more than the {limit} allowed")]
    TooMany {
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
}

impl ExtractError {
    /// The stable name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::Io(_) => "extract::io",
            Problem::Tree(_) => "extract::tree",
            Problem::NotZip => "extract::not_zip",
            Problem::Malformed(_) => "extract::malformed",
            Problem::Encrypted => "extract::encrypted",
            Problem::Method(_) => "extract::method",
            Problem::Symlink => "extract::symlink",
            Problem::Special(_) => "extract::file_type",
            Problem::Climbs => "extract::climbing_path",
            Problem::Absolute => "extract::absolute_path",
            Problem::Backslash => "extract::backslash",
            Problem::Name(_) => "extract::name",
            Problem::Duplicate => "extract::duplicate",
            Problem::FileAndDirectory => "extract::file_and_directory",
            Problem::Disagreement(_) => "extract::disagreement",
            Problem::Overlap(_) => "extract::overlap",
            Problem::Size { .. } => "extract::size",
            Problem::Crc { .. } => "extract::crc",
            Problem::Corrupt => "extract::corrupt",
            Problem::Bomb { .. } => "extract::bomb",
            Problem::TooMany { .. } => "extract::too_many_entries",
        }
    }

    /// What to do about it, where that can be said.
    pub fn help(&self) -> Option<String> {
        match self.problem {
            Problem::Io(_) => None,
            _ => Some(format!("get `{}` again, or another version of it", self.archive)),
        }
    }
}

impl ExtractErrors {
    /// Bundles `errors`, if there are any.
    pub(super) fn check(errors: Vec<ExtractError>) -> Result<(), ExtractErrors> {
        if errors.is_empty() { Ok(()) } else { Err(ExtractErrors(errors)) }
    }

    /// Each error, in the order of the archive's directory.
    pub fn iter(&self) -> impl Iterator<Item = &ExtractError> {
        self.0.iter()
    }

    /// The stable name of the first error's kind.
    pub fn code(&self) -> &'static str {
        self.0.first().map_or("extract::malformed", ExtractError::code)
    }

    /// What to do about the first error.
    pub fn help(&self) -> Option<String> {
        self.0.first().and_then(ExtractError::help)
    }
}

impl From<ExtractError> for ExtractErrors {
    fn from(error: ExtractError) -> ExtractErrors {
        ExtractErrors(vec![error])
    }
}

struct EntryPart<'a>(Option<&'a str>);

impl fmt::Display for EntryPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name comes from the archive and may hold anything, so it is escaped.
        self.0.map_or(Ok(()), |name| write!(f, ", entry `{}`", name.escape_debug()))
    }
}

struct Joined<'a>(&'a [ExtractError]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        for (index, error) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
