//! A request as it comes in: the arguments with aliases replaced and without the options that set keys, and what the
//! sources of the configuration say. It does not know what is asked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::options::split;
use super::sources::Gathered;
use super::{alias, options};
use crate::environment::Environment;
use crate::root;

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    /// What is left of the arguments for the goals.
    pub(crate) arguments: Vec<OsString>,
    /// What the sources say, and of which root; none where there is no root.
    pub(crate) gathered: Option<(PathBuf, Gathered)>,
}

impl Request {
    /// Reads the sources of the repository that the arguments, variables and the folder of the process lead to.
    pub(crate) fn read(arguments: Vec<OsString>, environment: &Environment) -> Request {
        let (arguments, flags) = split(arguments);
        let given = given_root(&arguments).or_else(|| environment.get("PANTS_ROOT").map(OsString::from));
        let Ok(root) = root::find(given.as_deref().map(Path::new), environment) else {
            return Request { arguments, gathered: None };
        };
        let mut gathered = Gathered::new(&root, environment, &flags);
        let arguments = match alias::expand(arguments.clone(), &gathered.settings) {
            Ok(expanded) => expanded,
            Err(errors) => {
                gathered.errors.extend(errors);
                arguments
            }
        };
        let (arguments, flags) = options::split(arguments);
        gathered.add(&root, &flags);
        Request { arguments, gathered: Some((root, gathered)) }
    }
}

/// The root that the arguments give.
fn given_root(arguments: &[OsString]) -> Option<OsString> {
    let mut arguments = arguments.iter().take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == "--root" {
            return arguments.next().cloned();
        }
        if let Some(root) = argument.to_str().and_then(|argument| argument.strip_prefix("--root=")) {
            return Some(root.into());
        }
    }
    None
}
