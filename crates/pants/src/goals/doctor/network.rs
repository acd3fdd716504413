//! The indexes: whether they answer whoever asks here, how fast, and whether their clocks agree with this one.

use std::time::Duration;

use packaging::index::{Client, ClientOptions, FetchError, Index, Reached, RetryPolicy};

use super::Finding;
use crate::session::Session;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// An index that takes longer to answer makes locks slow.
const SLOW: Duration = Duration::from_secs(2);

/// Certificates and signed addresses tolerate a clock that is wrong by less.
const MOST_SECONDS: u64 = 60;

pub(super) fn look(session: &Session<'_>) -> Vec<Finding> {
    let connected = session.downloads().and_then(|downloads| {
        let options = downloads.options().and_then(|options| {
            let retry = RetryPolicy { attempts: 1, ..options.retry };
            Client::new(ClientOptions { patience: PATIENCE, retry, ..options })
        });
        options.map_err(|error| vec![crate::explain::index(&error)])
    });
    let client = match connected {
        Ok(client) => client,
        Err(diagnostics) => return diagnostics.iter().map(Finding::told).collect(),
    };
    let mut findings = Vec::new();
    if let Some(path) = client.certificates() {
        findings.push(Finding::ok(format!("certificates are trusted by {}", path.display())));
    }
    let indexes: Vec<&Index> = client.indexes().iter().collect();
    let ask = |index: &Index| of_one(index, client.reach(index));
    let asked: Vec<Vec<Finding>> = std::thread::scope(|scope| {
        let ask = &ask;
        let threads: Vec<_> = indexes.iter().map(|index| scope.spawn(move || ask(index))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    findings.extend(asked.into_iter().flatten());
    findings
}

fn of_one(index: &Index, reached: Result<Reached, FetchError>) -> Vec<Finding> {
    let name = &index.name;
    let reached = match reached {
        Ok(reached) => reached,
        Err(FetchError::Offline { .. }) => {
            return vec![Finding::ok(format!("`{name}` is not asked, since this run is offline"))];
        }
        Err(error) => {
            let help = error.help().unwrap_or_else(|| "see where it is configured".to_owned());
            return vec![Finding::error(format!("`{name}`: {error}"), help)];
        }
    };
    let what = format!("`{name}` answers in {} ms", reached.took.as_millis());
    let mut findings = vec![if reached.took < SLOW {
        Finding::ok(what)
    } else {
        Finding::warning(what, "a mirror that is nearer makes locks and downloads faster")
    }];
    if let Some(ahead) = reached.ahead.filter(|ahead| ahead.unsigned_abs() > MOST_SECONDS) {
        let side = if ahead > 0 { "behind" } else { "ahead of" };
        let what = format!("the clock of this machine is {} s {side} that of `{name}`", ahead.unsigned_abs());
        let advice =
            "set it by a time server: certificates, and whether files have changed, are judged by it";
        findings.push(Finding::warning(what, advice));
    }
    findings
}
