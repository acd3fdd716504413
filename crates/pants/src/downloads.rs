//! Downloads of a session: the client of the indexes, made when the first file has to be fetched.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use engine::archive::note_crc32;
use engine::{Cancel, Download, Failure, Fault, Fetch};
use packaging::index::{
    Client, ClientOptions, DeclaredIndex, FetchRequest, IndexError, Indexes, Surroundings, fetch_file,
    machine_default,
};
use store::{Digest, Store, StoreError};

use crate::environment::Environment;

/// The memo table of what the machine's pip or uv says its index is.
const MEMO: &str = "machine-index";

/// How files are fetched in a session.
pub(crate) struct Downloads<'s> {
    pub(crate) environment: &'s Environment,
    pub(crate) root: PathBuf,
    pub(crate) cache_dir: PathBuf,
    pub(crate) declared: Vec<DeclaredIndex>,
    pub(crate) offline: bool,
    pub(crate) cancel: &'s Cancel,
    pub(crate) store: Store,
    pub(crate) client: OnceLock<Result<Client, Arc<IndexError>>>,
}

impl Downloads<'_> {
    /// The client, made at the first call.
    pub(crate) fn client(&self) -> Result<&Client, &Arc<IndexError>> {
        self.client.get_or_init(|| self.connect().map_err(Arc::new)).as_ref()
    }

    fn connect(&self) -> Result<Client, IndexError> {
        let variables = self.environment.variables.clone();
        let around =
            Surroundings { env: variables.clone(), root: self.root.clone(), system: PathBuf::from("/") };
        let indexes = Indexes::find(&self.declared, &around, &|| self.machine_default())?;
        let options = ClientOptions::new(indexes, variables, self.cache_dir.join("partial"));
        Client::new(ClientOptions { offline: self.offline, ..options })
    }

    /// What the machine's own tools are set up to use, remembered for as long as they are the same files.
    fn machine_default(&self) -> Option<String> {
        let path = self.environment.get("PATH")?;
        let find = |names: &[&str]| {
            std::env::split_paths(path)
                .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
                .find(|file| file.is_file())
        };
        let (python, uv) = (find(&["python3", "python"]), find(&["uv"]));
        let key = format!("{python:?} {uv:?}");
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
        let client =
            self.client().map_err(|error| Box::new(NoClient(Arc::clone(error))) as Box<dyn Failure>)?;
        let request = FetchRequest {
            index: &download.origin.source,
            project: &download.origin.project,
            file: &download.name,
            sha256: download.sha256,
            size: download.size,
        };
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
