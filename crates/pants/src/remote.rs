//! The server that the configuration names: what is shown to it, how content is named with it, and what is said of it.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ::remote::{
    Address, BucketSettings, Client, Credentials, Identity, Notice, RemoteCache, Settings, Workers,
};
use engine::{Cancel, Ended, Level, Process, RunError, Runner, Tool, run_to_end};
use serde_json::{Value, json};
use store::{Digest, DigestFunction, Outcome, Store};

use crate::config::{Proof, RemoteSettings};
use crate::environment::Environment;
use crate::session::Session;
use engine::size;

mod bucket;

/// The folder of the cache for what servers said they know.
const KNOWN: &str = "remote";

/// How long the program may take that says what is shown to a server.
const HELPER: Duration = Duration::from_secs(20);

/// How content is named in this run, and why.
#[derive(Debug)]
pub(crate) struct Naming {
    pub(crate) function: DigestFunction,
    /// Whether the server can be used.
    usable: bool,
    notices: Mutex<Vec<Notice>>,
}

impl Naming {
    /// As the server names content: as it said before or, the first time, says now. Without a server, and where it cannot be
    /// asked, by the default.
    pub(crate) fn find(session: &Session<'_>) -> Naming {
        let naming = |function, usable, notices| Naming { function, usable, notices: Mutex::new(notices) };
        let default = DigestFunction::default();
        let Some(known) = known(session) else { return naming(default, false, Vec::new()) };
        let all = [DigestFunction::Blake3, DigestFunction::Sha256];
        if let Ok(text) = fs::read_to_string(&known)
            && let Some(function) = all.into_iter().find(|function| function.name() == text.trim())
        {
            return naming(function, !session.offline, Vec::new());
        }
        if session.offline {
            return naming(default, false, Vec::new());
        }
        let mut notices = Vec::new();
        let Some(client) = client(session, default, &mut notices) else {
            return naming(default, false, notices);
        };
        let abilities = client.abilities();
        notices.extend(client.take_notices());
        let Ok(abilities) = abilities else { return naming(default, false, notices) };
        // What it does not know is said when it is used.
        let function = abilities.functions.first().copied().unwrap_or(default);
        let kept = fs::create_dir_all(session.cache_dir.join(KNOWN))
            .and_then(|()| fs::write(&known, format!("{}\n", function.name())));
        // Where nothing was cached before, nothing changes.
        let before = session.cache_dir.join("v1").join(default.name()).is_dir();
        if function != default && before && kept.is_ok() {
            notices.push(changed(session, function));
        }
        naming(function, true, notices)
    }

    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, notices: Vec<Notice>) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).extend(notices);
    }
}

/// That another part of the cache is used from now on.
fn changed(session: &Session<'_>, function: DigestFunction) -> Notice {
    let address = session.config.remote.cache.as_ref().map(ToString::to_string).unwrap_or_default();
    Notice {
        code: "remote::digest_function",
        message: format!(
            "content is named by `{}` from now on, since the remote cache `{address}` does not know `{}`",
            function.name(),
            DigestFunction::default().name()
        ),
        help: Some("what was cached before is made again or downloaded; this is said once".to_owned()),
    }
}

/// The file that remembers how the server names content; none where there is no server.
fn known(session: &Session<'_>) -> Option<PathBuf> {
    let RemoteSettings { cache, instance, .. } = &session.config.remote;
    let name = blake3::hash(format!("{}\0{instance}", cache.as_ref()?).as_bytes()).to_hex();
    Some(session.cache_dir.join(KNOWN).join(&name[..32]))
}

/// The cache of the server, in front of which is that of this machine.
pub(crate) fn connect(session: &Session<'_>, store: &Store) -> Option<RemoteCache> {
    if !session.naming().usable {
        return None;
    }
    let mut notices = Vec::new();
    let client = client(session, store.function(), &mut notices);
    session.naming().add(notices);
    Some(RemoteCache::new(client?, store.clone()))
}

/// Says what was exchanged, after the uploads have had their time.
pub(crate) fn end(session: &Session<'_>, cache: &RemoteCache) {
    let before = cache.client().statistics();
    cache.finish(&|| !session.cancel.is_cancelled());
    let said = cache.client().statistics();
    let notices = cache.client().take_notices();
    if notices.iter().any(|notice| notice.code == "remote::unsupported")
        && let Some(known) = known(session)
    {
        // The next run asks again. What cannot be removed is asked for in vain once more.
        let _ = fs::remove_file(known);
    }
    session.naming().add(notices);
    if session.console.quiet || said.requests == 0 && before.lookups == 0 {
        return;
    }
    let mut line = format!(
        "remote cache: {} of {} steps found, {} brought, {} uploaded as {} steps, {} request{}",
        said.hits,
        said.lookups,
        size::show(said.bytes_down),
        size::show(said.bytes_up),
        said.uploads,
        said.requests,
        if said.requests == 1 { "" } else { "s" }
    );
    if said.executed > 0 {
        line += &format!(", {} programs run there", said.executed);
    }
    if said.returned > 0 {
        line += &format!(", {} here in their place", said.returned);
    }
    if let Some((half, most)) = said.lookup_times {
        let millis = |took: Duration| took.as_secs_f64() * 1000.0;
        line += &format!("; answers in {:.1} ms, 99 of 100 in {:.1} ms", millis(half), millis(most));
    }
    session.console.message(&line);
}

/// Runs nothing that is to run on workers, since there is no server to ask, and runs the rest here.
pub(crate) struct Demanded<'a> {
    pub(crate) workers: &'a Workers,
    pub(crate) local: &'a dyn Runner,
}

impl Demanded<'_> {
    /// Whether the configuration wants it so.
    pub(crate) fn is_wanted(session: &Session<'_>) -> bool {
        let RemoteSettings { cache, workers, .. } = &session.config.remote;
        cache.is_some() && !workers.falls_back
    }
}

impl Runner for Demanded<'_> {
    fn run(
        &self,
        process: &Process,
        tool: Option<&Tool>,
        inputs: &[Digest],
        store: &Store,
        cancel: &Cancel,
    ) -> Result<Outcome, RunError> {
        if !self.workers.take(process) {
            return self.local.run(process, tool, inputs, store, cancel);
        }
        let program = process.program.name().to_owned();
        Err(RunError::Elsewhere { program, reason: "the server cannot be used".to_owned() })
    }
}

/// A client of the server that the configuration names.
pub(crate) fn client(
    session: &Session<'_>,
    function: DigestFunction,
    notices: &mut Vec<Notice>,
) -> Option<Client> {
    let made = settings(session)?
        .and_then(|settings| Client::new(settings, function).map_err(|fault| fault.to_string()));
    made.map_err(|why| {
        let message = format!("the remote cache cannot be used: {why}");
        let help = Some("this build goes on without the remote cache".to_owned());
        notices.push(Notice { code: "remote::settings", message, help });
    })
    .ok()
}

/// What the configuration says of the server, with its files read; none where there is none.
fn settings(session: &Session<'_>) -> Option<Result<Settings, String>> {
    let said = &session.config.remote;
    let address = match said.cache.clone()? {
        Address::Folder(path) => {
            Address::Folder(session.environment.path(&path.to_string_lossy(), &session.root))
        }
        other => other,
    };
    let read = |path: &String| {
        let path = session.environment.path(path, &session.root);
        fs::read(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    };
    let made = || {
        let identity = said.identity.as_ref().map(|(certificate, key)| {
            Ok::<_, String>(Identity { certificate: read(certificate)?, key: read(key)? })
        });
        let bucket = match &address {
            Address::Bucket { bucket, .. } => Some(bucket::settings(bucket, said, session.environment)),
            _ => None,
        };
        Ok(Settings {
            proxy: proxy(&address, bucket.as_ref(), session.environment),
            bucket,
            credentials: said.proof.clone().map(|proof| {
                let (environment, root) = (session.environment.clone(), session.root.clone());
                let uri = address.to_string().replacen("grpc", "http", 1);
                Arc::new(Shown { proof, environment, root, uri }) as Arc<dyn Credentials>
            }),
            now: SystemTime::now,
            budget: said.budget,
            address,
            instance: said.instance.clone(),
            headers: said.headers.clone(),
            roots: said.ca_certs.as_ref().map(read).transpose()?,
            identity: identity.transpose()?,
            read: said.read,
            write: said.write,
            write_processes: session.sandbox.level(session.scratch()).level != Level::Off,
            patience: Duration::from_secs(said.timeout.into()),
            upload_patience: Duration::from_secs(said.upload_timeout.into()),
            version: env!("CARGO_PKG_VERSION"),
            invocation: format!("{:016x}", RandomState::new().hash_one(std::process::id())),
        })
    };
    Some(made())
}

/// The proxy on the way to an address of HTTP, with the hosts that are reached without one.
fn proxy(
    address: &Address,
    bucket: Option<&BucketSettings>,
    environment: &Environment,
) -> Option<(String, String)> {
    let get = |name: &str| environment.get(name).or_else(|| environment.get(&name.to_uppercase()));
    let is_plain = match address {
        Address::Http(url) => url.starts_with("http:"),
        Address::Bucket { .. } => {
            bucket.and_then(|said| said.endpoint.as_ref()).is_some_and(|url| url.starts_with("http:"))
        }
        Address::Server { .. } | Address::Folder(_) => return None,
    };
    let of_scheme = get(if is_plain { "http_proxy" } else { "https_proxy" });
    let proxy = of_scheme.or_else(|| get("all_proxy"))?;
    Some((proxy.to_owned(), get("no_proxy").unwrap_or_default().to_owned()))
}

/// What is shown to a server, read each time that it is asked for.
struct Shown {
    proof: Proof,
    environment: Environment,
    root: PathBuf,
    uri: String,
}

impl Credentials for Shown {
    fn headers(&self, _renew: bool) -> Result<Vec<(String, String)>, String> {
        let token = match &self.proof {
            Proof::Variable(name) => self
                .environment
                .get(name)
                .map(str::to_owned)
                .ok_or(format!("the variable `{name}` is not set"))?,
            Proof::File(path) => {
                let path = self.environment.path(path, &self.root);
                fs::read_to_string(&path)
                    .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?
            }
            Proof::Helper(program) => return self.ask(program),
        };
        Ok(vec![("authorization".to_owned(), format!("Bearer {}", token.trim()))])
    }
}

impl Shown {
    /// The headers that a program gives.
    fn ask(&self, program: &str) -> Result<Vec<(String, String)>, String> {
        let failed = |error: std::io::Error| format!("cannot run `{program}`: {error}");
        let path = match program.contains('/') {
            true => self.environment.path(program, &self.root),
            false => PathBuf::from(program),
        };
        let (mut asked, mut answer) =
            (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
        writeln!(asked, "{}", json!({ "uri": self.uri })).and_then(|()| asked.rewind()).map_err(failed)?;
        let mut command = Command::new(path);
        command.arg("get").current_dir(&self.root).stdin(asked).stderr(Stdio::null());
        command.stdout(answer.try_clone().map_err(failed)?);
        match run_to_end(&mut command, Some(HELPER), &Cancel::new()).map_err(failed)? {
            Ended::Exited(status) if status.success() => {}
            Ended::Exited(status) => return Err(format!("`{program}` ended with {status}")),
            _ => return Err(format!("`{program}` gave no answer within {} s", HELPER.as_secs())),
        }
        let mut text = String::new();
        answer.rewind().and_then(|()| answer.read_to_string(&mut text)).map_err(failed)?;
        headers(&text).ok_or_else(|| format!("`{program}` gave no JSON with `headers`"))
    }
}

/// The headers in the answer of a program: each name with a list of values.
fn headers(text: &str) -> Option<Vec<(String, String)>> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let mut headers = Vec::new();
    for (name, values) in answer.get("headers")?.as_object()? {
        for value in values.as_array()? {
            headers.push((name.clone(), value.as_str()?.to_owned()));
        }
    }
    Some(headers)
}
