//! What the helper of a sandbox is told, as a file, and what it tells when it cannot do it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use store::ProcessUsage;

use super::WORK;

/// The status of a helper that could not set up its sandbox.
pub(super) const NOT_SET_UP: i32 = 125;

/// The file for why a process could not be started.
const FAILURE: &str = "failure";
/// The file for what a process that ended took of the machine.
const USAGE: &str = "usage";

/// One process that runs apart. All paths are those of the machine but `program`, which is what the process sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// A folder for what the sandbox needs itself.
    pub(crate) folder: PathBuf,
    /// The folder that the process works in, and may write.
    pub(crate) work: PathBuf,
    /// What it may read besides the system's folders.
    pub(crate) readable: Vec<PathBuf>,
    /// A folder that it may read, and where it sees that.
    pub(crate) shared: Option<(PathBuf, PathBuf)>,
    /// What runs.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Its whole environment.
    pub(crate) environment: BTreeMap<String, String>,
}

/// What a process took of the machine, as the helper writes it.
#[derive(Serialize, Deserialize)]
pub(super) struct Used {
    pub(super) memory: u64,
    pub(super) microseconds: u64,
}

impl From<Used> for ProcessUsage {
    fn from(used: Used) -> ProcessUsage {
        ProcessUsage { memory: used.memory, processor: Duration::from_micros(used.microseconds) }
    }
}

impl Spec {
    pub(crate) fn new(folder: &Path, work: &Path, program: &Path, readable: &[PathBuf]) -> Spec {
        Spec {
            folder: folder.to_owned(),
            work: work.to_owned(),
            readable: readable.to_vec(),
            shared: None,
            program: program.to_owned(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
        }
    }

    /// Says of all folders in its variables where they are on the machine: for a process that sees the machine's. Values
    /// are paths, or several with `:` between them.
    pub(crate) fn translate(&mut self) {
        let places = [(PathBuf::from(WORK), self.work.clone()), (PathBuf::from("/tmp"), self.temporary())];
        let mut places = places.to_vec();
        if let Some((path, place)) = &self.shared {
            places.push((place.clone(), path.clone()));
            self.readable.push(path.clone());
        }
        let there = |part: &str| {
            let found = places.iter().find_map(|(seen, real)| {
                let below = Path::new(part).strip_prefix(seen).ok()?;
                let path = if below.as_os_str().is_empty() { real.clone() } else { real.join(below) };
                path.into_os_string().into_string().ok()
            });
            found.unwrap_or_else(|| part.to_owned())
        };
        for value in self.environment.values_mut() {
            *value = value.split(':').map(there).collect::<Vec<_>>().join(":");
        }
    }

    /// Writes it beside what else the sandbox needs, and gives the file.
    pub(super) fn write(&self) -> io::Result<PathBuf> {
        for folder in [self.root(), self.temporary()] {
            fs::create_dir_all(folder)?;
        }
        let file = self.file();
        fs::write(&file, serde_json::to_vec(self)?)?;
        Ok(file)
    }

    /// The file that says all this.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("sandbox.json")
    }

    /// The program as it is found outside of the sandbox.
    pub(super) fn program_here(&self) -> PathBuf {
        let shared = self.shared.iter().map(|(path, place)| (place.as_path(), path));
        let mut places = shared.chain([(Path::new(WORK), &self.work)]);
        let found = places.find_map(|(seen, real)| Some(real.join(self.program.strip_prefix(seen).ok()?)));
        found.unwrap_or_else(|| self.program.clone())
    }

    pub(super) fn read(file: &Path) -> io::Result<Spec> {
        Ok(serde_json::from_slice(&fs::read(file)?)?)
    }

    /// Where the root of the sandbox is put together.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// The folder for temporary files of the process.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// The file for why the process could not be started, opened while it can be reached.
    pub(super) fn open_failure(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.folder.join(FAILURE))
    }

    /// The file for what the process took, opened while it can be reached.
    pub(super) fn open_usage(&self) -> io::Result<File> {
        File::create(self.folder.join(USAGE))
    }

    /// What the process took of the machine, where a helper has told that.
    pub(crate) fn usage(&self) -> Option<ProcessUsage> {
        serde_json::from_slice::<Used>(&fs::read(self.folder.join(USAGE)).ok()?).ok().map(ProcessUsage::from)
    }

    /// Why the process could not be started, where it could not.
    pub(crate) fn failure(&self) -> Option<String> {
        fs::read_to_string(self.folder.join(FAILURE)).ok().filter(|reason| !reason.is_empty())
    }
}
