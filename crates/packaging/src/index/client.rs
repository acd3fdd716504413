//! Asks indexes for the pages of projects, each page once a run.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::tls::TlsConfig;
use url::Url;

use super::backoff::{Problem, RetryPolicy};
use super::config::{Index, Indexes};
use super::error::{FetchError, IndexError};
use super::page::{self, IndexFile, Page};
use super::transport::{Ask, Part, body_cause, passing};
use super::trust::{Proxies, Trust};

/// No page is larger than this; the largest of a public index have a tenth of it.
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
    /// Never to use the network; `file` addresses still work.
    pub offline: bool,
    /// How often requests are tried.
    pub retry: RetryPolicy,
    /// The longest wait for a connection, an answer, or the next bytes of a body.
    pub patience: Duration,
}

impl ClientOptions {
    /// The usual options: four attempts, thirty seconds of patience, online.
    #[must_use]
    pub fn new(indexes: Indexes, env: BTreeMap<String, String>, partial: PathBuf) -> Self {
        let (retry, patience) = (RetryPolicy::default(), Duration::from_secs(30));
        Self { indexes, env, partial, offline: false, retry, patience }
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
        let trust = Trust::find(&options.env, options.indexes.certificates())?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("pants/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(trust.roots).build())
            // Given with each request, by its scheme.
            .proxy(None)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .max_idle_connections_per_host(16)
            .max_idle_connections(32)
            .timeout_connect(Some(options.patience))
            .timeout_recv_response(Some(options.patience))
            .timeout_per_read(Some(options.patience))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            proxies: Proxies::find(&options.env)?,
            offline: options.offline,
            retry: options.retry,
            trusted_by: trust.origin,
            partial: options.partial,
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

    /// The index of a name.
    ///
    /// # Errors
    /// [`FetchError::UnknownIndex`], with the names that there are.
    pub fn index(&self, name: &str) -> Result<&Index, FetchError> {
        self.indexes.get(name).ok_or_else(|| {
            let known: Vec<_> = self.indexes.iter().map(|index| format!("`{}`", index.name)).collect();
            FetchError::UnknownIndex { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// The page of `project` (a normalised name) on the index of that name.
    ///
    /// # Errors
    /// See [`FetchError`]; a failed page is asked for again by the next call.
    pub fn page(&self, index: &str, project: &str) -> Result<Arc<Page>, FetchError> {
        let index = self.index(index)?;
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
        let page = Arc::new(self.ask_page(index, project)?);
        *slot = Some(Arc::clone(&page));
        Ok(page)
    }

    /// Where a file of a project is.
    ///
    /// # Errors
    /// Those of [`Client::page`], and [`FetchError::NoFile`].
    pub fn locate(&self, index: &str, project: &str, file: &str) -> Result<IndexFile, FetchError> {
        let page = self.page(index, project)?;
        page.file(file).cloned().ok_or_else(|| FetchError::NoFile {
            index: index.to_owned(),
            project: project.to_owned(),
            file: file.to_owned(),
        })
    }

    fn ask_page(&self, index: &Index, project: &str) -> Result<Page, FetchError> {
        let url = index.url.page_of(project);
        if url.scheme() == "file" {
            return self.page_in_folder(index, project, &url);
        }
        let ask = Ask { index, url: &url, what: project, accept: Some(page::ACCEPT), part: Part::All };
        self.retry.run(|| self.read_page(&ask))
    }

    fn read_page(&self, ask: &Ask<'_>) -> Result<Page, Problem> {
        let answer = self.send(ask)?;
        let mut body = Vec::new();
        let read = answer.body.take(LARGEST_PAGE + 1).read_to_end(&mut body);
        read.map_err(|error| passing(ask, body_cause(error), false))?;
        let bad = |reason| {
            let (index, project) = (ask.index.name.clone(), ask.what.to_owned());
            Problem::from(FetchError::Page { index, project, reason })
        };
        if body.len() as u64 > LARGEST_PAGE {
            return Err(bad(format!("it is larger than {LARGEST_PAGE} bytes")));
        }
        page::parse(&answer.content_type, &answer.url, &body).map_err(bad)
    }

    /// A folder of a `file` index: its `index.html`, else the files that lie in it.
    fn page_in_folder(&self, index: &Index, project: &str, url: &Url) -> Result<Page, FetchError> {
        let missing = || FetchError::NoProject { index: index.name.clone(), project: project.to_owned() };
        let folder = url.to_file_path().map_err(|()| missing())?;
        let html = folder.join("index.html");
        if html.is_file() {
            let url = Url::from_file_path(&html).map_err(|()| missing())?;
            let ask = Ask { index, url: &url, what: project, accept: None, part: Part::All };
            return self.retry.run(|| self.read_page(&ask));
        }
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .map_err(|_| missing())?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        let file = |name: String| {
            let path = folder.join(&name);
            let size = path.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
            let url = Url::from_file_path(&path).ok()?;
            let (sha256, requires_python, yanked) = (None, None, None);
            Some(IndexFile {
                name,
                url,
                sha256,
                size: Some(size),
                requires_python,
                yanked,
                core_metadata: false,
            })
        };
        Ok(Page { files: names.into_iter().filter_map(file).collect() })
    }
}
