//! Downloads of a session: the client of the indexes, made when the first file has to be fetched.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use engine::archive::note_crc32;
use engine::{Cancel, Download, Failure, Fault, Fetch};
use packaging::index::{
    Client, ClientOptions, Declarations, FetchError, FetchRequest, IndexError, Indexes, Surroundings,
    fetch_file, machine_default, sweep_partial,
};
use packaging::interpreter::program_state;
use packaging::lock::Address;
use packaging::pex::RUNTIME;
use packaging::registry::{Registry, RegistryError};
use python::BASE_LAYERS;
use store::{Digest, Store, StoreError};

use crate::bases;
use crate::environment::Environment;

/// The memo table of what the machine's pip or uv says its index is.
const MEMO: &str = "machine-index";

/// For so long a download that broke off can be gone on with.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How files are fetched in a session.
pub(crate) struct Downloads<'s> {
    pub(crate) environment: &'s Environment,
    pub(crate) root: PathBuf,
    pub(crate) cache_dir: PathBuf,
    pub(crate) declared: Declarations,
    pub(crate) offline: bool,
    pub(crate) cancel: &'s Cancel,
    pub(crate) store: Store,
    pub(crate) client: OnceLock<Result<Client, Arc<IndexError>>>,
    pub(crate) registry: OnceLock<Registry>,
}

impl Downloads<'_> {
    /// The client, made at the first call.
    pub(crate) fn client(&self) -> Result<&Client, &Arc<IndexError>> {
        self.client.get_or_init(|| self.connect().map_err(Arc::new)).as_ref()
    }

    /// The client of the registries of images, made at the first call.
    pub(crate) fn registry(&self) -> Result<&Registry, RegistryError> {
        if let Some(registry) = self.registry.get() {
            return Ok(registry);
        }
        let registry = Registry::new(self.environment.variables.clone(), self.offline)?;
        Ok(self.registry.get_or_init(|| registry))
    }

    /// What indexes are looked for in.
    pub(crate) fn surroundings(&self) -> Surroundings {
        let (env, root) = (self.environment.variables.clone(), self.root.clone());
        Surroundings { env, root, system: PathBuf::from("/") }
    }

    fn connect(&self) -> Result<Client, IndexError> {
        let options = self.options()?;
        if let Some(before) = SystemTime::now().checked_sub(KEPT) {
            sweep_partial(&options.partial, before);
        }
        Client::new(options)
    }

    /// What the client is made of.
    pub(crate) fn options(&self) -> Result<ClientOptions, IndexError> {
        let variables = self.environment.variables.clone();
        let around = self.surroundings();
        let indexes = Indexes::find(&self.declared, &around, &|| self.machine_default())?;
        let options = ClientOptions::new(indexes, variables, self.cache_dir.join("partial"));
        Ok(ClientOptions { offline: self.offline, root: self.root.clone(), ..options })
    }

    /// What the machine's own tools are set up to use, remembered for as long as they are the same files.
    fn machine_default(&self) -> Option<String> {
        let path = self.environment.get("PATH")?;
        let find = |names: &[&str]| {
            std::env::split_paths(path)
                .map(|folder| self.environment.folder.join(folder))
                .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
                .find(|file| file.is_file())
        };
        let (python, uv) = (find(&["python3", "python"]), find(&["uv"]));
        let state = |program: &Option<PathBuf>| program.as_deref().and_then(program_state);
        let key = format!("{:?} {:?}", state(&python), state(&uv));
        if let Ok(Some(known)) = self.store.memo(MEMO, key.as_bytes()) {
            return String::from_utf8(known).ok();
        }
        let found = machine_default(python.as_deref(), uv.as_deref(), self.cancel)?;
        // A cache that cannot be written costs the question next time, nothing else.
        let _: Result<(), StoreError> = self.store.put_memo(MEMO, key.as_bytes(), found.as_bytes());
        Some(found)
    }
}

impl Fetch for Downloads<'_> {
    fn fetch(
        &self,
        download: &Download,
        store: &Store,
        _cancel: &Cancel,
        progress: &dyn Fn(u64, Option<u64>),
    ) -> Result<Digest, Box<dyn Failure>> {
        if download.origin.source == BASE_LAYERS {
            return bases::fetch(self, download, store, progress);
        }
        let client =
            self.client().map_err(|error| Box::new(NoClient(Arc::clone(error))) as Box<dyn Failure>)?;
        let request = FetchRequest {
            index: &download.origin.source,
            project: &download.origin.project,
            file: &download.name,
            sha256: download.sha256,
            size: download.size,
        };
        if let Some(error) = of_another_index(client.indexes(), &request) {
            return Err(Box::new(error));
        }
        match fetch_file(client, &request, store, progress) {
            Ok(fetched) => {
                // Without the note the checksum is computed when it is needed.
                let _: Result<(), StoreError> = note_crc32(store, &fetched.digest, fetched.crc32);
                Ok(fetched.digest)
            }
            Err(error) => Err(Box::new(error)),
        }
    }
}

/// The error that a lock is from before its project was pinned to an index. What this tool brings itself is in no lock,
/// and what a requirement gives an address is wanted from there.
fn of_another_index(indexes: &Indexes, request: &FetchRequest<'_>) -> Option<FetchError> {
    if Address::in_place_of_index(request.index).is_some() {
        return None;
    }
    let mut claiming = indexes.claiming(request.project).map(|index| index.name.as_str()).peekable();
    let pinned = (*claiming.peek()?).to_owned();
    if request.file == RUNTIME.wheel || claiming.any(|name| name == request.index) {
        return None;
    }
    let (file, project, index) =
        (request.file.to_owned(), request.project.to_owned(), request.index.to_owned());
    Some(FetchError::OtherIndex { file, project, index, pinned })
}

/// Why there is no client, for each download that would have used it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct NoClient(Arc<IndexError>);

impl Failure for NoClient {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn fault(&self) -> Fault {
        Failure::fault(&*self.0)
    }

    fn help(&self) -> Option<String> {
        self.0.help()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use store::DigestFunction;

    use super::*;

    #[test]
    fn the_index_of_the_machine_is_remembered_until_its_python_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let environment = Environment {
            variables: [("PATH".to_owned(), "bin".to_owned())].into(),
            folder: folder.path().to_owned(),
            program: PathBuf::new(),
        };
        let store = Store::open(&path("cache"), DigestFunction::Blake3).unwrap();
        let ask = || {
            let (root, cache_dir) = (path("root"), path("cache"));
            let (declared, client, store) = (Declarations::default(), OnceLock::new(), store.clone());
            let cancel = Cancel::new();
            let downloads = Downloads {
                environment: &environment,
                root,
                cache_dir,
                declared,
                offline: true,
                store,
                client,
                registry: OnceLock::new(),
                cancel: &cancel,
            };
            downloads.machine_default()
        };
        let install = |url: &str| {
            let script = format!("#!/bin/sh\necho asked >> {}\necho {url}\n", path("log").display());
            // As an upgrade does: another file under the same name.
            fs::write(path("new"), script).unwrap();
            fs::set_permissions(path("new"), fs::Permissions::from_mode(0o755)).unwrap();
            fs::create_dir_all(path("bin")).unwrap();
            fs::rename(path("new"), path("bin/python3")).unwrap();
        };
        let asked = || fs::read_to_string(path("log")).unwrap().lines().count();
        install("https://h.example/simple/");
        for _ in 0..2 {
            assert_eq!((ask().as_deref(), asked()), (Some("https://h.example/simple/"), 1));
        }
        install("https://other.example/simple/");
        assert_eq!((ask().as_deref(), asked()), (Some("https://other.example/simple/"), 2));
    }
}
