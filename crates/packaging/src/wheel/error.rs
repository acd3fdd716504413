//! What is wrong with a wheel, with its name and the entry; knows not how it was found.

use super::WheelFilename;

/// What is wrong with one wheel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("wheel `{wheel}`: {fault}")]
pub struct WheelError {
    /// The name of the wheel.
    pub wheel: WheelFilename,
    /// What is wrong.
    pub fault: WheelFault,
}

/// What can be wrong with a wheel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WheelFault {
    /// The archive as a whole cannot be read.
    #[error("not a readable zip file: {reason}")]
    Unreadable {
        /// What the reader of the archive found.
        reason: String,
    },
    /// Reading failed for a reason outside the file.
    #[error("cannot be read: {reason}")]
    Io {
        /// What the system said.
        reason: String,
    },
    /// An entry leaves the folder that it is unpacked into, or might on some system.
    #[error("entry `{entry}` has an unsafe path: {reason}")]
    UnsafePath {
        /// The entry's path, with what cannot be shown replaced.
        entry: String,
        /// What is unsafe about it.
        reason: &'static str,
    },
    /// An entry is a symbolic link or another special file.
    #[error("entry `{entry}` is {kind}, expected a file or a folder")]
    Special {
        /// The entry's path.
        entry: String,
        /// What it is.
        kind: &'static str,
    },
    /// Two entries have one path.
    #[error("entry `{entry}` is there twice")]
    Duplicate {
        /// The entry's path.
        entry: String,
    },
    /// One path is a file, and a folder of other entries.
    #[error("entry `{entry}` is a file, and the folder of other entries")]
    FileAndFolder {
        /// The entry's path.
        entry: String,
    },
    /// An entry has not the size that the archive declares.
    #[error("entry `{entry}` lies about its size: declared {declared} bytes, found {found}")]
    Size {
        /// The entry's path.
        entry: String,
        /// What the archive says.
        declared: u64,
        /// What is there, or `more`.
        found: String,
    },
    /// An entry has not the checksum that the archive declares.
    #[error("entry `{entry}` is damaged: expected CRC {declared:08x}, found {found:08x}")]
    Checksum {
        /// The entry's path.
        entry: String,
        /// What the archive says.
        declared: u32,
        /// What its bytes give.
        found: u32,
    },
    /// An entry cannot be decompressed.
    #[error("entry `{entry}` is damaged: {reason}")]
    Damaged {
        /// The entry's path.
        entry: String,
        /// What the reader of the archive found.
        reason: String,
    },
    /// An entry is encrypted.
    #[error("entry `{entry}` is encrypted")]
    Encrypted {
        /// The entry's path.
        entry: String,
    },
    /// An entry is compressed by a method that Python does not read.
    #[error("entry `{entry}` is compressed by `{method}`, expected stored or deflate")]
    Method {
        /// The entry's path.
        entry: String,
        /// The method.
        method: String,
    },
    /// Two entries share bytes of the archive, as a zip bomb's do.
    #[error("entry `{entry}` shares its bytes with another, as in a zip bomb")]
    Overlap {
        /// The entry's path.
        entry: String,
    },
    /// It would unpack to more than is allowed.
    #[error("unpacks to {found}, more than the allowed {allowed}, as a zip bomb does")]
    Bomb {
        /// What was found, with its unit.
        found: String,
        /// What is allowed, with its unit.
        allowed: String,
    },
    /// A file that every wheel has is missing, there twice, or belongs to another distribution.
    #[error("has no usable `{file}`: {reason}")]
    Metadata {
        /// The file, such as `METADATA`.
        file: &'static str,
        /// What was expected and what was found.
        reason: String,
    },
}

impl WheelError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.fault {
            WheelFault::Unreadable { .. } => "packaging::wheel_unreadable",
            WheelFault::Io { .. } => "packaging::wheel_io",
            WheelFault::UnsafePath { .. } => "packaging::wheel_path",
            WheelFault::Special { .. } => "packaging::wheel_special",
            WheelFault::Duplicate { .. } => "packaging::wheel_duplicate",
            WheelFault::FileAndFolder { .. } => "packaging::wheel_file_and_folder",
            WheelFault::Size { .. } => "packaging::wheel_size",
            WheelFault::Checksum { .. } => "packaging::wheel_checksum",
            WheelFault::Damaged { .. } => "packaging::wheel_damaged",
            WheelFault::Encrypted { .. } => "packaging::wheel_encrypted",
            WheelFault::Method { .. } => "packaging::wheel_method",
            WheelFault::Overlap { .. } => "packaging::wheel_overlap",
            WheelFault::Bomb { .. } => "packaging::wheel_bomb",
            WheelFault::Metadata { .. } => "packaging::wheel_metadata",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self.fault {
            WheelFault::Io { .. } => None,
            _ => Some(format!(
                "its bytes are those that the lock names, so the published file is at fault: take another version of `{}`",
                self.wheel.name
            )),
        }
    }
}
