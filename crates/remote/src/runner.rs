//! Runs processes on the workers of a server, and decides which of them run there, and what happens when one cannot.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::{Cancel, Elsewhere, Process, RunError, Runner, Site, Tool};
use store::{Digest, Outcome, Store, StoreError};

use crate::api::ActionResult;
use crate::cache::RemoteCache;
use crate::execution::Executed;
use crate::fault::{Fault, Kind};
use crate::outputs;
use crate::prepared::Prepared;
use crate::statistics::add;
use crate::streams::Failed;
use crate::upload::send;

/// How long a process has a worker for itself before it is raced from here: by twice the time that half of them took, not less
/// than the first, and by the second as long as nobody knows.
const HEAD_STARTS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));

/// The statuses by which shells and workers say that there is no program to start.
const NO_PROGRAM: [i32; 2] = [126, 127];

/// What workers are and have, and what they are used for.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    /// Whether processes run there for which nothing is said.
    pub all: bool,
    /// How many run there at once.
    pub places: usize,
    /// Whether what they fail to run runs here.
    pub falls_back: bool,
    /// Whether what they take long for runs here as well.
    pub races: bool,
    /// Where the tools of symbols such as `python:cp311` are.
    pub tools: BTreeMap<String, String>,
    /// What a worker has to be, by the names that the server has for it.
    pub platform: BTreeMap<String, String>,
}

impl Workers {
    /// Whether `process` is to run there.
    #[must_use]
    pub fn take(&self, process: &Process) -> bool {
        match process.needs.site {
            Site::Here => false,
            Site::Elsewhere => true,
            Site::Any => self.all,
        }
    }
}

impl Workers {
    /// Whether this machine can run what was meant for them, as far as what they have to be tells.
    fn are_as_this(&self) -> bool {
        let is_known = |name: &str, names: &[&str]| {
            let said = self.platform.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            said.is_none_or(|(_, value)| names.contains(&value.to_lowercase().as_str()))
        };
        let isa: &[&str] = match std::env::consts::ARCH {
            "x86_64" => &["x86-64", "x86_64", "amd64"],
            "aarch64" => &["aarch64", "arm64", "arm-a64"],
            other => &[other],
        };
        is_known("OSFamily", &[std::env::consts::OS]) && is_known("ISA", isa) && is_known("Arch", isa)
    }
}

/// Runs processes on workers, and here what they do not run.
pub struct RemoteRunner<'a> {
    cache: &'a RemoteCache,
    workers: &'a Workers,
    local: &'a dyn Runner,
    /// How long those took there that ended.
    took: Mutex<Vec<Duration>>,
    /// The server runs nothing, or nothing for whoever asks.
    is_refused: AtomicBool,
}

impl std::fmt::Debug for RemoteRunner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteRunner").field("workers", self.workers).finish_non_exhaustive()
    }
}

impl<'a> RemoteRunner<'a> {
    /// A runner for the server of `cache`, with `local` for what does not run there.
    pub fn new(cache: &'a RemoteCache, workers: &'a Workers, local: &'a dyn Runner) -> RemoteRunner<'a> {
        RemoteRunner { cache, workers, local, took: Mutex::default(), is_refused: AtomicBool::new(false) }
    }

    fn took(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.took.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this machine runs what workers do not.
    fn may_run_here(&self) -> bool {
        self.workers.falls_back && self.workers.are_as_this()
    }

    /// Where a worker has the tool of a process, if it starts from one.
    ///
    /// # Errors
    /// That nobody said.
    fn tool_there(&self, process: &Process) -> Result<Option<&str>, Fault> {
        let Some(symbol) = process.program.tool() else { return Ok(None) };
        let found = self.workers.tools.get(symbol).map(|path| Some(path.as_str()));
        let name = symbol.trim_start_matches("python:");
        let unknown = || {
            Fault::new(
                Kind::Refused,
                format!("`[remote.interpreters]` does not say where workers have `{name}`"),
            )
        };
        found.ok_or_else(unknown)
    }

    /// Uploads what the server lacks, and has it run the action: once more where it says that something is missing.
    async fn execute(
        &self,
        prepared: &Prepared,
        anew: bool,
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Executed, Failed> {
        let client = self.cache.client();
        let abilities = client.usable().await?;
        if !abilities.executes {
            return Err(Fault::new(Kind::Denied, "the server runs no actions").into());
        }
        let made: HashMap<Digest, &Vec<u8>> =
            prepared.messages.iter().map(|(digest, bytes)| (*digest, bytes)).collect();
        let presence = self.cache.uploads.presence();
        let mut lacking = None;
        for _ in 0..2 {
            let failed =
                send(client, store, presence, prepared.blobs.clone(), (&made, abilities.batch)).await?;
            // What neither has is made again by whoever made it.
            let is_lost = |digest: &&Digest| {
                !made.contains_key(*digest) && store.has(digest).is_ok_and(|is_here| !is_here)
            };
            if let Some(lost) = failed.iter().find(is_lost) {
                return Err(StoreError::Missing(*lost).into());
            }
            if !failed.is_empty() {
                return Err(Fault::new(Kind::Broken, "the server does not take the files").into());
            }
            match client.connection.execute(&prepared.action, anew, &|| cancel.is_cancelled()).await? {
                Executed::Lacking(fault) => {
                    presence.forget(&prepared.blobs);
                    lacking = Some(fault);
                }
                executed => return Ok(executed),
            }
        }
        Err(lacking.unwrap_or_else(Fault::off).into())
    }

    /// The outcome of what ran there.
    ///
    /// # Errors
    /// The inner one where it cannot be used, and why.
    fn run_there(
        &self,
        process: &Process,
        inputs: &[Digest],
        mut anew: bool,
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Result<Outcome, Fault>, RunError> {
        let client = self.cache.client();
        let (there, runtime) = match (self.tool_there(process), client.runtime()) {
            (Ok(there), Some(runtime)) => (there, runtime),
            (Ok(_), None) => return Ok(Err(Fault::off())),
            (Err(unknown), _) => return Ok(Err(unknown)),
        };
        let prepared = Prepared::new(process, there, inputs, &self.workers.platform, store)?;
        // A worker would take such files as they are.
        if self.cache.downloads.has_corrupt(&prepared.blobs) {
            return Ok(Err(Fault::corrupt()));
        }
        loop {
            let begin = Instant::now();
            match runtime.block_on(self.execute(&prepared, anew, store, cancel)) {
                // Servers may keep what failed, and a failure is no answer of a cache.
                Ok(Executed::Ended { result, known: true }) if result.exit_code != 0 && !anew => anew = true,
                Ok(Executed::Ended { result, .. })
                    if result.exit_code != 0 && self.has_no_program(process, there, &result, store)? =>
                {
                    let there = there.unwrap_or_default();
                    return Ok(Err(Fault::new(Kind::Refused, format!("a worker cannot start `{there}`"))));
                }
                Ok(Executed::Ended { result, known }) => {
                    if !known {
                        self.took().push(begin.elapsed());
                    }
                    return self.keep(process, &result, store);
                }
                Ok(Executed::TimedOut(result)) => {
                    let Some(limit) = process.timeout else {
                        return Ok(Err(Fault::new(
                            Kind::Refused,
                            "the server stopped it, which has a limit of its own",
                        )));
                    };
                    let said = result.map(|result| outputs::said(self.cache, &result, store)).transpose()?;
                    let (program, said) = (process.program.name().to_owned(), said.unwrap_or_default());
                    return Err(RunError::Timeout { program, limit, said });
                }
                Ok(Executed::Cancelled) => return Err(RunError::Cancelled),
                Ok(Executed::Lacking(fault)) | Err(Failed::Remote(fault)) => return Ok(Err(fault)),
                Err(Failed::Store(error)) => return Err(error.into()),
            }
        }
    }

    /// Whether a worker could not start the interpreter of a process, which there is no word for: it is told as shells do, by
    /// the status, or by whatever starts programs there, in one line that names it. A shell ends as its commands do.
    fn has_no_program(
        &self,
        process: &Process,
        there: Option<&str>,
        result: &ActionResult,
        store: &Store,
    ) -> Result<bool, StoreError> {
        let is_python = process.program.tool().is_some_and(|symbol| symbol.starts_with("python:"));
        let Some(there) = there.filter(|_| is_python) else { return Ok(false) };
        if NO_PROGRAM.contains(&result.exit_code) {
            return Ok(true);
        }
        let said = outputs::said(self.cache, result, store)?;
        let said = said.trim_end();
        Ok(!said.contains('\n') && said.contains(there) && said.ends_with("No such file or directory"))
    }

    /// What an action made that ran there, which the server has.
    fn keep(
        &self,
        process: &Process,
        result: &ActionResult,
        store: &Store,
    ) -> Result<Result<Outcome, Fault>, RunError> {
        add(&self.cache.client().connection.counters.executed, 1);
        let outcome = match outputs::outcome(self.cache, process, result, store)? {
            Ok(outcome) => outcome,
            Err(fault) => return Ok(Err(*fault)),
        };
        let (_, files) = store.tree_blobs(&outcome.tree)?;
        if self.cache.downloads.has_corrupt(&files) {
            return Ok(Err(Fault::corrupt()));
        }
        self.cache.downloads.made_again(&files);
        self.cache.uploads.presence().add(files);
        Ok(Ok(outcome))
    }

    /// Says why something did not run there, as far as that was not said before.
    fn tell(&self, fault: &Fault) {
        let connection = &self.cache.client().connection;
        add(&connection.counters.returned, 1);
        if fault.kind == Kind::Denied {
            self.is_refused.store(true, Ordering::Relaxed);
        }
        if fault.kind != Kind::Off && fault.kind != Kind::Unauthenticated {
            let message =
                format!("`{}` did not run what it was to: {}", connection.settings.address, fault.message);
            let help =
                "it ran on this machine instead; `exec_fallback = false` in `[remote]` makes this an error";
            connection.notices.add("remote::execution", message, Some(help));
        }
    }
}

impl Runner for RemoteRunner<'_> {
    fn run(
        &self,
        process: &Process,
        tool: Option<&Tool>,
        inputs: &[Digest],
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError> {
        if self.takes(process) && !self.may_run_here() {
            let program = process.program.name().to_owned();
            return Err(RunError::Elsewhere {
                program,
                reason: "the server has lost what was made there".to_owned(),
            });
        }
        // What was to run elsewhere is begun without its files.
        engine::Cache::bring(self.cache, inputs, &[])?;
        self.local.run(process, tool, inputs, store, cancel)
    }

    fn elsewhere(&self) -> Option<&dyn Elsewhere> {
        Some(self)
    }
}

impl Elsewhere for RemoteRunner<'_> {
    fn places(&self) -> usize {
        self.workers.places
    }

    fn takes(&self, process: &Process) -> bool {
        self.workers.take(process)
    }

    fn run(
        &self,
        process: &Process,
        inputs: &[Digest],
        anew: bool,
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Option<Outcome>, RunError> {
        let breaker = &self.cache.client().connection.breaker;
        let fault = if self.is_refused.load(Ordering::Relaxed) || !breaker.lets_pass() {
            Fault::off()
        } else {
            match self.run_there(process, inputs, anew, store, cancel)? {
                Ok(outcome) => return Ok(Some(outcome)),
                Err(_) if cancel.is_cancelled() => return Err(RunError::Cancelled),
                Err(fault) => fault,
            }
        };
        if !self.may_run_here() {
            let program = process.program.name().to_owned();
            return Err(RunError::Elsewhere { program, reason: fault.message });
        }
        self.tell(&fault);
        Ok(None)
    }

    fn head_start(&self) -> Option<Duration> {
        if !self.workers.races || !self.may_run_here() {
            return None;
        }
        let mut took = self.took().clone();
        took.sort_unstable();
        Some(took.get(took.len() / 2).map_or(HEAD_STARTS.1, |middle| (*middle * 2).max(HEAD_STARTS.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_told_from_this_one() {
        let check = |name: &str, value: &str, expect: bool| {
            let platform = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(Workers { platform, ..Workers::default() }.are_as_this(), expect, "{name} {value}");
        };
        check("OSFamily", if cfg!(target_os = "linux") { "Linux" } else { "macOS" }, true);
        check("OSFamily", "Windows", false);
        check("ISA", "sparc", false);
        check("container-image", "docker://anything", true);
    }
}
