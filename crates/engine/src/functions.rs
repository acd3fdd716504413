//! Native functions that language crates register, so that the closed set of verbs suffices for an open set of rules.

use std::collections::BTreeMap;

use store::{Digest, Store, StoreError};

use crate::failure::Failure;

/// A pure function from arguments and trees to a tree.
pub type Function = fn(&Call<'_>) -> Result<Digest, CallError>;

/// What a function is called with.
pub struct Call<'a> {
    /// Where trees are read from and the result is put.
    pub store: &'a Store,
    /// The arguments of the action, in the encoding that the function defines.
    pub arguments: &'a [u8],
    /// The input trees, in order.
    pub inputs: &'a [Digest],
}

/// Why a function has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The store failed, or lacks a part of an input.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The function says that its input is wrong.
    #[error("{0}")]
    Failed(Box<dyn Failure>),
}

/// All registered functions by name, each with its version.
#[derive(Default)]
pub struct Functions(BTreeMap<&'static str, (u32, Function)>);

impl Functions {
    /// Registers `function`. Its version is raised whenever it yields something else for the same input.
    ///
    /// # Panics
    /// If the name is taken.
    pub fn register(&mut self, name: &'static str, version: u32, function: Function) {
        let earlier = self.0.insert(name, (version, function));
        assert!(earlier.is_none(), "two functions are called `{name}`");
    }

    pub(crate) fn get(&self, name: &str) -> Option<(u32, Function)> {
        self.0.get(name).copied()
    }
}
