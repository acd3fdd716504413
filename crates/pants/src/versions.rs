//! Versions that come from the version control system: asks git for the newest tag, and remembers what it said.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::Stdio;

use crate::changed::git::Git;
use crate::session::Session;

/// What git puts behind its answer where files differ from the commit.
const DIRTY: &str = "-dirty";

/// What git says of tags, each form of them asked for once.
pub(crate) struct Versions<'s> {
    session: &'s Session<'s>,
    said: RefCell<BTreeMap<String, Result<String, String>>>,
}

impl<'s> Versions<'s> {
    pub(crate) fn new(session: &'s Session<'s>) -> Versions<'s> {
        Versions { session, said: RefCell::default() }
    }

    /// The newest tag that a glob matches, how far HEAD is from it, and whether files differ; or why there is none.
    pub(crate) fn describe(&self, glob: &str) -> Result<String, String> {
        let mut said = self.said.borrow_mut();
        said.entry(glob.to_owned()).or_insert_with(|| describe(self.session, glob)).clone()
    }

    /// All that was asked, and what git said to it.
    pub(crate) fn said(&self) -> Vec<(String, String)> {
        let said = self.said.borrow();
        said.iter().filter_map(|(glob, answer)| Some((glob.clone(), answer.clone().ok()?))).collect()
    }
}

/// Whether git says now what it said before.
pub(crate) fn still(session: &Session<'_>, said: &[(String, String)]) -> bool {
    said.iter().all(|(glob, answer)| describe(session, glob).as_ref() == Ok(answer))
}

fn describe(session: &Session<'_>, glob: &str) -> Result<String, String> {
    let git = Git::new(session.root.clone(), session.offline);
    // The whole commit: how many digits are unique depends on what else git has.
    let arguments = ["describe", "--tags", "--long", "--dirty", "--abbrev=40", "--match", glob];
    let output = git.run(&arguments, Stdio::null()).map_err(|error| error.message)?;
    if output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        return Ok(if said.ends_with(DIRTY) || !has_new_code(&git)? { said } else { said + DIRTY });
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(match said.lines().next().unwrap_or_default().trim_start_matches("fatal: ") {
        said if said.starts_with("No names found") || said.starts_with("No tags can describe") => {
            format!("HEAD descends from no tag like `{glob}`")
        }
        said if said.contains("not a git repository") => "the repository is no git repository".to_owned(),
        said => format!("`git describe` says `{said}`"),
    })
}

/// Whether there is code that git does not track yet: `git describe` does not look for that, and it may be in what is made.
fn has_new_code(git: &Git) -> Result<bool, String> {
    let arguments = ["ls-files", "--others", "--exclude-standard", "--", "*.py", "*.pyi", "BUILD", "*/BUILD"];
    let output = git.run(&arguments, Stdio::null()).map_err(|error| error.message)?;
    Ok(!output.stdout.is_empty())
}
