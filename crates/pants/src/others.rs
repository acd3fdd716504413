//! Says which keys of the configuration belong to Pants and have no effect here: once, until they are others.

use std::fmt::Write as _;

use crate::config::{FILE, Other};
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::{Session, failed};

/// The memo table of what was said.
const TABLE: &str = "others";
/// The code of what is said.
pub(crate) const CODE: &str = "config::no_effect";

impl Session<'_> {
    /// Says them where they are not those that were said the last time; each time to who wants to know more, and as an
    /// error to who is strict.
    pub(crate) fn tell_others(&self) -> Result<(), Vec<Diagnostic>> {
        let others = &self.config.others;
        let Some(first) = others.iter().min() else { return Ok(()) };
        let list = list(others);
        let count = others.len();
        let noun = if count == 1 { "key or section" } else { "keys and sections" };
        let message =
            format!("{count} {noun} of Pants that the configuration has without effect here: {list}");
        let help = format!("`pants help {FILE}` lists all keys that have one");
        if self.config.strict {
            let wrong = Diagnostic::error(Exit::Wrong, CODE, message);
            return Err(vec![wrong.at(Some(first.place.clone())).help(Some(help))]);
        }
        let (store, key) = (self.store()?, self.key());
        let digest = blake3::hash(list.as_bytes());
        let known = store.memo(TABLE, &key).map_err(failed)?;
        let is_known = known.as_deref() == Some(digest.as_bytes().as_slice());
        if is_known && !self.console.verbose {
            return Ok(());
        }
        let note = "this is said once, and again when they change; `--verbose` says it each time";
        let told = Diagnostic::warning(CODE, message).note(note).help(Some(help));
        self.console.diagnostics(vec![told]);
        store.offer_memos(TABLE, &[(&key, digest.as_bytes())]);
        Ok(())
    }
}

/// The keys by section, in the order of their names.
fn list(others: &[Other]) -> String {
    let mut others: Vec<(&str, Option<&str>)> =
        others.iter().map(|other| (other.section.as_str(), other.key.as_deref())).collect();
    others.sort_unstable();
    others.dedup();
    let (mut list, mut last) = (String::new(), None);
    for (section, key) in others {
        if last == Some(section) {
            let _ = write!(list, ", {}", key.unwrap_or_default());
        } else {
            let comma = if last.is_some() { "; " } else { "" };
            let _ = write!(list, "{comma}`[{section}]`");
            if let Some(key) = key {
                let _ = write!(list, " {key}");
            }
        }
        last = Some(section);
    }
    list
}
