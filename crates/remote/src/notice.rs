//! What is said of a server, once for each cause; it does not know who is told.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Something that makes a build slower and does not fail it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its stable name.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Those that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<BTreeMap<&'static str, (Notice, bool)>>);

impl Notices {
    /// Adds one, unless there was one of this code before.
    pub(crate) fn add(&self, code: &'static str, message: String, help: Option<&str>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let notice = Notice { code, message, help: help.map(str::to_owned) };
        all.entry(code).or_insert((notice, false));
    }

    pub(crate) fn take(&self) -> Vec<Notice> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = all.values_mut().filter(|(_, taken)| !taken);
        new.map(|(notice, taken)| {
            *taken = true;
            notice.clone()
        })
        .collect()
    }
}
