//! Where things are in a virtualenv of an interpreter, or in a plain folder of packages, and what is in one before anything
//! is installed. Knows no wheel.

use super::{Content, Environment, File, Node};
use crate::platform::Platform;
use crate::python::{Abi, Minor};
use crate::target::Target;

/// The folders of a virtualenv, or of a plain folder of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// `python3.11`, or `python3.13t` for the free-threaded build.
    python: String,
    /// `python3.11` in any case, which names the folder of headers.
    plain: String,
    abi: Abi,
    platform: Platform,
    /// Whether packages are at the top, and nothing is there that belongs to a virtualenv.
    flat: bool,
}

/// What messages call the one who brings what every virtualenv has.
const OWNER: &str = "the virtualenv itself";

impl Scheme {
    /// The folders of a virtualenv for a target.
    #[must_use]
    pub fn of(target: &Target) -> Scheme {
        let plain = format!("python{}", target.minor());
        let python = if target.abi.free_threaded { format!("{plain}t") } else { plain.clone() };
        Scheme { python, plain, abi: target.abi, platform: target.platform, flat: false }
    }

    /// A folder of packages for a target, which is no virtualenv: packages and data are at its top, scripts that a Python
    /// would have to run and headers are nowhere.
    #[must_use]
    pub fn flat(target: &Target) -> Scheme {
        Scheme { flat: true, ..Scheme::of(target) }
    }

    /// Whether it is no virtualenv.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.flat
    }

    /// Where a file of the packages is.
    #[must_use]
    pub fn package_path(&self, path: &str) -> String {
        if self.flat { path.to_owned() } else { format!("{}/{path}", self.site_packages()) }
    }

    /// The name of the interpreter in `bin`.
    #[must_use]
    pub fn python(&self) -> &str {
        &self.python
    }

    /// The folder of packages; empty where they are at the top.
    #[must_use]
    pub fn site_packages(&self) -> String {
        if self.flat {
            return String::new();
        }
        format!("lib/{}/site-packages", self.python)
    }

    /// Whether `lib64` is a link to `lib`. All platforms have 64 bits.
    fn has_lib64(&self) -> bool {
        !self.flat && matches!(self.platform, Platform::Linux { .. })
    }

    /// The folder of a distribution's headers, which pip chose and others follow.
    pub(super) fn headers(&self, distribution: &str) -> String {
        format!("include/site/{}/{distribution}", self.plain)
    }

    /// Where a file at this path comes to be, by way of the link that a virtualenv has.
    pub(super) fn real_path(&self, path: String) -> String {
        match path.strip_prefix("lib64/") {
            Some(inside) if self.has_lib64() => format!("lib/{inside}"),
            _ => path,
        }
    }

    /// A path of the environment as `RECORD` has it: relative to the folder of packages.
    pub(super) fn recorded(&self, path: &str) -> String {
        if self.flat {
            return path.to_owned();
        }
        let site = self.site_packages();
        match path.strip_prefix(&site).and_then(|rest| rest.strip_prefix('/')) {
            Some(inside) => inside.to_owned(),
            None => format!("{}{path}", "../".repeat(site.split('/').count())),
        }
    }

    /// The virtualenv before anything is installed, without scripts that activate it in shells: their text is that of
    /// the interpreter's release.
    #[must_use]
    pub fn empty(&self) -> Environment {
        let mut environment = Environment::default();
        if self.flat {
            return environment;
        }
        let mut put = |path: String, node| environment.put(path, node, OWNER);
        // Since then it is written, and headers have a folder of their own.
        let newer = self.abi.minor >= Minor::new(3, 11);
        let config = Content::Config { executable: newer };
        put("pyvenv.cfg".to_owned(), Node::File(File { content: config, executable: false }));
        put(format!("bin/{}", self.python), Node::Interpreter);
        for name in ["python", "python3"] {
            put(format!("bin/{name}"), Node::Link(self.python.clone()));
        }
        let include = if newer { format!("include/{}", self.python) } else { "include".to_owned() };
        put(include, Node::Directory);
        put(self.site_packages(), Node::Directory);
        if self.has_lib64() {
            put("lib64".to_owned(), Node::Link("lib".to_owned()));
        }
        environment
    }
}
