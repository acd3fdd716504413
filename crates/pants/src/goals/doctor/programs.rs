//! Other programs that goals start.

use std::process::Stdio;

use packaging::locking::UV_VERSION;

use super::Finding;
use crate::changed::git::Git;
use crate::session::Session;

/// The first version of git whose answers are read as they are meant.
const GIT: (u64, u64) = (2, 25);

pub(super) fn look(session: &Session<'_>) -> Vec<Finding> {
    vec![git(session), uv(session)]
}

fn git(session: &Session<'_>) -> Finding {
    let advice = "install it: `--changed-since`, `affected` and versions from tags ask it";
    let git = Git::new(session.root.clone(), session.offline);
    let said = git.run(&["--version"], Stdio::null()).ok().filter(|output| output.status.success());
    let Some(said) = said else { return Finding::warning("there is no git", advice) };
    let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let version = said.split_whitespace().nth(2).unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().unwrap_or_default());
    let found = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if found < GIT {
        return Finding::warning(said, format!("use git {}.{} or later", GIT.0, GIT.1));
    }
    Finding::ok(said)
}

fn uv(session: &Session<'_>) -> Finding {
    let own = session.cache_dir.join("tools").join(format!("uv-{UV_VERSION}")).join("uv");
    Finding::ok(if own.is_file() {
        format!("uv {UV_VERSION}, which `lock` resolves with")
    } else {
        format!(
            "uv {UV_VERSION}, which `lock` resolves with, is fetched when it is needed unless it is on PATH"
        )
    })
}
