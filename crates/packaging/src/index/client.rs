//! Asks indexes for the pages of projects, each page once a run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::Agent;
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::DefaultConnector;
use url::Url;

use super::address::local_path;
use super::backoff::{Problem, RetryPolicy};
use super::config::{Index, Indexes};
use super::error::{FetchError, IndexError};
use super::flat;
use super::names::Names;
use super::page::{self, IndexFile, Page};
use super::transport::{Answer, Ask, Part, body_cause, passing};
use super::trust::{Proxies, Trust};
use crate::lock::Address;

/// No page is larger than this unless another limit is said; the largest of a public index have a tenth of it.
const LARGEST_PAGE: u64 = 256 << 20;

/// What a [`Client`] is made of.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The indexes.
    pub indexes: Indexes,
    /// The environment variables, for certificates and proxies.
    pub env: BTreeMap<String, String>,
    /// A folder of the cache, for downloads that are not complete.
    pub partial: PathBuf,
    /// The root of the repository, for files in it that requirements name; empty where there is none.
    pub root: PathBuf,
    /// Never to use the network; `file` addresses still work.
    pub offline: bool,
    /// How often requests are tried.
    pub retry: RetryPolicy,
    /// The longest wait for a connection, an answer, or the next bytes of a body.
    pub patience: Duration,
    /// The bytes of the largest page that is read.
    pub largest_page: u64,
}

impl ClientOptions {
    /// The usual options: four attempts, thirty seconds of patience, online.
    #[must_use]
    pub fn new(indexes: Indexes, env: BTreeMap<String, String>, partial: PathBuf) -> Self {
        let (retry, patience) = (RetryPolicy::default(), Duration::from_secs(30));
        Self {
            indexes,
            env,
            partial,
            root: PathBuf::new(),
            offline: false,
            retry,
            patience,
            largest_page: LARGEST_PAGE,
        }
    }
}

type Slot = Arc<Mutex<Option<Arc<Page>>>>;

/// A client of package indexes; shared by threads, it keeps connections and pages for as long as it lives.
pub struct Client {
    pub(super) agent: Agent,
    pub(super) proxies: Proxies,
    pub(super) offline: bool,
    pub(super) retry: RetryPolicy,
    pub(super) trusted_by: String,
    pub(super) partial: PathBuf,
    root: PathBuf,
    pub(super) patience: Duration,
    largest_page: u64,
    indexes: Indexes,
    bundle: Option<PathBuf>,
    pages: Mutex<BTreeMap<(String, String), Slot>>,
}

impl Client {
    /// A client that trusts what the environment and pip's files say. Connects to nothing yet.
    ///
    /// # Errors
    /// A bundle of certificates or the address of a proxy that cannot be read.
    pub fn new(options: ClientOptions) -> Result<Self, IndexError> {
        let trust = Trust::find(&options.env, &options.indexes.reach)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("pants/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(trust.roots).build())
            // Given with each request, by its scheme.
            .proxy(None)
            // Followed here, so that credentials go to no other host.
            .max_redirects(0)
            .max_idle_connections_per_host(16)
            .max_idle_connections(32)
            .timeout_connect(Some(options.patience))
            .timeout_recv_response(Some(options.patience))
            .timeout_per_read(Some(options.patience))
            .build();
        Ok(Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), Names::default()),
            proxies: Proxies::find(&options.env, options.indexes.reach.proxy.as_ref())?,
            offline: options.offline,
            retry: options.retry,
            trusted_by: trust.origin,
            partial: options.partial,
            root: options.root,
            patience: options.patience,
            largest_page: options.largest_page,
            indexes: options.indexes,
            bundle: trust.path,
            pages: Mutex::default(),
        })
    }

    /// The indexes that it asks.
    #[must_use]
    pub fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// Whether it may not use the network.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// How often a request is tried again.
    pub(crate) fn retries(&self) -> u32 {
        self.retry.attempts.saturating_sub(1)
    }

    /// The file or folder of certificates that it trusts; none where the roots are compiled in.
    #[must_use]
    pub fn certificates(&self) -> Option<&Path> {
        self.bundle.as_deref()
    }

    /// The proxy that pip's configuration names for all that goes over the network.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.indexes.reach.proxy.as_ref().map(|(address, _)| address.as_str())
    }

    /// The index of a name; one of its own for each [`Address`] of a file that is on none.
    ///
    /// # Errors
    /// [`FetchError::UnknownIndex`], with the names that there are.
    pub fn index(&self, name: &str) -> Result<Cow<'_, Index>, FetchError> {
        let unreadable =
            |reason: String| FetchError::Page { index: name.to_owned(), project: name.to_owned(), reason };
        if let Some(address) = Address::in_place_of_index(name) {
            let url = match address {
                Address::Url(url) => url,
                Address::Path(path) => Url::from_file_path(self.root.join(path))
                    .map_err(|()| unreadable("the root of the repository is no absolute path".to_owned()))?
                    .to_string(),
            };
            let index = Index::of_one_file(name, &url).map_err(|error| unreadable(error.to_string()))?;
            return Ok(Cow::Owned(index));
        }
        self.indexes.get(name).map(Cow::Borrowed).ok_or_else(|| {
            let known: Vec<_> = self.indexes.iter().map(|index| format!("`{}`", index.name)).collect();
            FetchError::UnknownIndex { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// The page of `project` (a normalised name) on the index of that name.
    ///
    /// # Errors
    /// See [`FetchError`]; a failed page is asked for again by the next call.
    pub fn page(&self, index: &str, project: &str) -> Result<Arc<Page>, FetchError> {
        let index = &*self.index(index)?;
        if index.flat {
            let page = flat::of_project(&*self.whole_page(index)?, project);
            let none = || FetchError::NoProject { index: index.name.clone(), project: project.to_owned() };
            return if page.files.is_empty() { Err(none()) } else { Ok(Arc::new(page)) };
        }
        self.kept(index, project, || self.ask_page(index, project, &index.url.page_of(project)))
    }

    /// The names of the projects that an index says it has, normalised.
    ///
    /// # Errors
    /// Those of [`Client::page`]; many an index has no such list.
    pub fn projects(&self, index: &str) -> Result<Vec<String>, FetchError> {
        let index = &*self.index(index)?;
        if index.flat {
            let page = self.whole_page(index)?;
            return Ok(page.files.iter().filter_map(|file| flat::project_of(&file.name)).collect());
        }
        let mut url = index.url.without_credentials().clone();
        if let Some(folder) = local_path(&url) {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            return Ok(entries.filter_map(|entry| normal(entry.file_name().to_str()?)).collect());
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let what = "the list of its projects";
        let ask = Ask { index, url: &url, what, accept: Some(page::ACCEPT), part: Part::All };
        let names =
            self.retry.run(|| self.read(&ask, &|answer, body| page::projects(&answer.content_type, body)))?;
        Ok(names.iter().filter_map(|name| normal(name)).collect())
    }

    /// All files of an index that has no page for each project.
    fn whole_page(&self, index: &Index) -> Result<Arc<Page>, FetchError> {
        self.kept(index, "", || {
            let folder = index.folder().filter(|folder| folder.is_dir());
            match folder.and_then(|folder| flat::in_folder(&folder)) {
                Some(page) => Ok(page),
                None => self.ask_page(index, &index.name, index.url.without_credentials()),
            }
        })
    }

    /// The page that was read before, or else what `ask` gives.
    fn kept(
        &self,
        index: &Index,
        project: &str,
        ask: impl FnOnce() -> Result<Page, FetchError>,
    ) -> Result<Arc<Page>, FetchError> {
        let key = (index.name.clone(), project.to_owned());
        let slot = {
            let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(pages.entry(key).or_default())
        };
        // Held while it is asked, so that threads that want the same page wait for one answer.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = &*slot {
            return Ok(Arc::clone(page));
        }
        let page = Arc::new(ask()?);
        *slot = Some(Arc::clone(&page));
        Ok(page)
    }

    /// Where a file of a project is.
    ///
    /// # Errors
    /// Those of [`Client::page`], and [`FetchError::NoFile`].
    pub fn locate(&self, index: &str, project: &str, file: &str) -> Result<IndexFile, FetchError> {
        if Address::in_place_of_index(index).is_some() {
            let url = self.index(index)?.url.without_credentials().clone();
            return Ok(IndexFile::at(file, url));
        }
        let page = self.page(index, project)?;
        let (index, project) = (index.to_owned(), project.to_owned());
        match page.file(file) {
            Some(found) => Ok(found.clone()),
            // What a proxy or a form to log in answers is a page as well.
            None if page.files.iter().all(|file| flat::project_of(&file.name).is_none()) => {
                let reason =
                    "it lists no file; a proxy or a login page may have answered in its place".to_owned();
                Err(FetchError::Page { index, project, reason })
            }
            None => Err(FetchError::NoFile { index, project, file: file.to_owned() }),
        }
    }

    fn ask_page(&self, index: &Index, project: &str, url: &Url) -> Result<Page, FetchError> {
        if let Some(folder) = local_path(url)
            && !index.flat
        {
            return self.page_in_folder(index, project, &folder);
        }
        let ask = Ask { index, url, what: project, accept: Some(page::ACCEPT), part: Part::All };
        self.retry.run(|| self.read_page(&ask))
    }

    fn read_page(&self, ask: &Ask<'_>) -> Result<Page, Problem> {
        self.read(ask, &|answer, body| page::parse(&answer.content_type, &answer.url, body))
    }

    /// Reads an answer whole; `parse` says what is wrong with it.
    fn read<T>(&self, ask: &Ask<'_>, parse: &Parse<'_, T>) -> Result<T, Problem> {
        let mut answer = self.send(ask)?;
        let mut body = Vec::new();
        let read = answer.body.by_ref().take(self.largest_page + 1).read_to_end(&mut body);
        read.map_err(|error| passing(ask, body_cause(error), false))?;
        let bad = |reason| {
            let (index, project) = (ask.index.name.clone(), ask.what.to_owned());
            Problem::from(FetchError::Page { index, project, reason })
        };
        if body.len() as u64 > self.largest_page {
            return Err(bad(format!("it is larger than {} bytes", self.largest_page)));
        }
        parse(&answer, &body).map_err(bad)
    }

    /// A folder of a `file` index: its `index.html`, else the files that lie in it.
    fn page_in_folder(&self, index: &Index, project: &str, folder: &Path) -> Result<Page, FetchError> {
        let missing = || FetchError::NoProject { index: index.name.clone(), project: project.to_owned() };
        let html = folder.join("index.html");
        if html.is_file() {
            let url = Url::from_file_path(&html).map_err(|()| missing())?;
            let ask = Ask { index, url: &url, what: project, accept: None, part: Part::All };
            return self.retry.run(|| self.read_page(&ask));
        }
        flat::in_folder(folder).ok_or_else(missing)
    }
}

/// What is made of an answer and its body.
type Parse<'p, T> = dyn Fn(&Answer, &[u8]) -> Result<T, String> + 'p;

fn normal(name: &str) -> Option<String> {
    crate::name::parse_name(name).ok().map(|name| name.to_string())
}
