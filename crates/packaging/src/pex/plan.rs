//! How the trees of a PEX become its output in each layout, as data that a rule turns into actions.

use engine::archive::Packing;

use super::boot::BOOTSTRAP_FOLDER;
use super::options::Layout;
use super::steps::PREFIX;

/// Where wheels are in a PEX.
const WHEELS_FOLDER: &str = ".deps";
/// The folder of the import hook, which gets an entry of its own in a zip.
const HOOK_FOLDER: &str = "__pex__";
const BOOT_FILES: [&str; 3] = ["PEX-INFO", "__main__.py", "__pex__/__init__.py"];

/// A tree that a PEX is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// What the step `bootstrap` selected, or the archive made of it where the plan has one.
    Bootstrap,
    /// What the step `boot` wrote.
    Boot,
    /// What the step `sources` kept of the user's files.
    Sources,
    /// What the step `start` planned.
    Start,
    /// Every wheel: one tree for each, with the wheel as its one file.
    Wheels,
}

/// How a PEX is put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The archive that the bootstrap becomes first, the same for every PEX and so made once; none: its files.
    pub bootstrap: Option<BootstrapArchive>,
    /// The output.
    pub output: Output,
}

/// An archive of the whole bootstrap, deflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootstrapArchive {
    /// The file name of the archive.
    pub name: &'static str,
    /// The folder in the archive that its files go below.
    pub under: &'static str,
}

/// What a PEX is in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// One executable file: an archive behind a prefix.
    Archive {
        /// The path in [`Source::Boot`] of the prefix.
        prefix: &'static str,
        /// What goes in.
        members: Vec<Members>,
    },
    /// A folder: the trees laid over each other, each below a folder.
    Folder(Vec<(Source, &'static str)>),
}

/// Members of the archive that come from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// Where they come from.
    pub source: Source,
    /// The folder of the archive that they go below.
    pub under: &'static str,
    /// How their bytes get there.
    pub packing: Packing,
    /// The only paths that are taken; none: all.
    pub only: &'static [&'static str],
    /// Folders that get an entry of their own.
    pub directories: &'static [&'static str],
}

/// How a PEX of this layout is put together.
pub fn plan(layout: Layout) -> Plan {
    let folder = |bootstrap| {
        Output::Folder(vec![
            (Source::Bootstrap, bootstrap),
            (Source::Boot, ""),
            (Source::Sources, ""),
            (Source::Wheels, WHEELS_FOLDER),
        ])
    };
    match layout {
        Layout::Zipapp => Plan {
            bootstrap: Some(BootstrapArchive { name: "bootstrap.zip", under: BOOTSTRAP_FOLDER }),
            output: Output::Archive { prefix: PREFIX, members: zipapp_members() },
        },
        Layout::Packed => Plan {
            bootstrap: Some(BootstrapArchive { name: BOOTSTRAP_FOLDER, under: "" }),
            output: folder(""),
        },
        Layout::Loose => Plan { bootstrap: None, output: folder(BOOTSTRAP_FOLDER) },
    }
}

fn zipapp_members() -> Vec<Members> {
    let plain = |source, under, packing| Members { source, under, packing, only: &[], directories: &[] };
    vec![
        plain(Source::Bootstrap, "", Packing::Transfer),
        Members {
            source: Source::Boot,
            under: "",
            packing: Packing::Deflate,
            only: &BOOT_FILES,
            directories: &[HOOK_FOLDER],
        },
        plain(Source::Sources, "", Packing::Deflate),
        plain(Source::Start, super::start::FOLDER, Packing::Store),
        plain(Source::Wheels, WHEELS_FOLDER, Packing::Store),
    ]
}
