//! The start plan: what the runtime would find out at the first start, told when the PEX is built, so that the first
//! start only writes files. The runtime stays complete beside it, and takes over wherever the plan declines.
//!
//! `install.py` carries it out; it declines more often than it has to rather than once too seldom.

mod facts;
mod runtime_text;
mod write;

use engine::extract::{self, BlobSource, Limits, SafeZip};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::{Digest, Entry as TreeEntry, Store, Tree};

use super::entry::{self, EntryError, EntryPoint, WheelScripts};
use super::options::{Boot, InheritPath, Layout, PexOptions};
use super::spec::PexSpec;
use super::steps::StepError;
use super::{boot, hash, steps};
use crate::environment::{Environment, EnvironmentError, Scheme, Style, Wheel};
use crate::platform::Platform;
use crate::python::Minor;
use crate::target::Target;
use facts::Facts;
use runtime_text::Texts;

/// What makes the environment of a plan, for a Python that is not told more than the text.
pub(super) const INSTALLER: &str = include_str!("install.py");
/// What the names of plans start with; the configuration follows.
pub(super) const PLAN: &str = "plan-";
/// The path of the installer, for a PEX that a Python starts.
pub(super) const INSTALLER_FILE: &str = "install.py";
/// The folder of a PEX that is the plan's. The runtime leaves it alone.
pub(super) const FOLDER: &str = "__pex__/.start";
/// What the wheels of a planned PEX may unpack to unless the plan is asked for: its environment is a copy, where the
/// runtime links to what all PEX files of a machine share. Measured on one processor: a plan takes 4.6 ms a megabyte, and
/// the runtime 1.5 s where another PEX has brought the same wheels, which is the same at some 300 MB.
pub const MAX_UNPACKED: u64 = 256 << 20;

/// The arguments of the step that plans a start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartSpec {
    /// The PEX.
    pub pex: PexSpec,
    /// The target that the plan is for.
    pub target: Target,
    /// What the wheels may unpack to; more, and there is no plan.
    pub max_unpacked: u64,
    /// The number of the target, where the PEX is for others as well, with plans of their own: then the wheels are those
    /// of this one.
    pub shared: Option<usize>,
}

impl StartSpec {
    /// The name of the plan.
    fn plan(&self) -> String {
        let number = self.shared.map(|number| format!("{number}-")).unwrap_or_default();
        format!("{PLAN}{number}{}", self.target)
    }
}

/// Whether a PEX of these options can have a plan: the runtime would make an environment from constraints that are known,
/// in a way that a plan can repeat.
pub fn plannable(options: &PexOptions, target: &Target) -> bool {
    let plain = options.venv().is_some_and(|venv| !venv.copies && !venv.system_site_packages);
    let python = target.minor() >= Minor::new(3, 7) && target.minor() < Minor::new(3, 15);
    options.layout == Layout::Zipapp
        && plain
        && python
        && boot::installed_copy(options, "").is_some()
        && options.inherit_path == InheritPath::False
        && matches!(target.platform, Platform::Linux { .. })
}

/// The installer and what to do with it, as the text of a program.
pub(super) fn program(rest: &str) -> String {
    // Python 2 and 3 have no argument in common that keeps the folder where it is started from being imported from.
    format!("import sys\nif sys.path[:1] == [\"\"]:\n    del sys.path[0]\n{INSTALLER}\n\n{rest}")
}

/// The names and modes of the user's files, with one content for all: what a plan is made of, so that it stays while
/// they are edited. No file of a wheel has this content.
pub fn names(store: &Store, user: &Digest) -> Result<Digest, StepError> {
    const ELSEWHERE: &[u8] = b"The content of this first-party file is a member of the PEX itself.\n";
    let content = store.put(ELSEWHERE)?;
    let mut tree = Tree::new();
    for (path, entry) in store.tree(user)?.walk() {
        if let TreeEntry::File { executable, .. } = entry {
            tree.add_file(&path, content, *executable)?;
        }
    }
    Ok(store.put_tree(&tree)?)
}

/// Plans the start of a PEX: a tree with the plan, the installer and the compiled files, or an empty one where the
/// runtime has to do it.
///
/// `user` is what [`names`] made of the user's files. `wheels` hold one wheel each; `compiled`, none or as many, an archive each with what the wheel's modules compile to.
pub fn start(
    store: &Store,
    spec: &StartSpec,
    bootstrap: &Digest,
    user: &Digest,
    wheels: &[Digest],
    compiled: &[Digest],
) -> Result<Digest, StepError> {
    let tree = planned(store, spec, bootstrap, user, wheels, compiled)?;
    Ok(store.put_tree(&tree.unwrap_or_default())?)
}

fn planned(
    store: &Store,
    spec: &StartSpec,
    bootstrap: &Digest,
    user: &Digest,
    wheels: &[Digest],
    compiled: &[Digest],
) -> Result<Option<Tree>, StepError> {
    let options = &spec.pex.options;
    let facts = plannable(options, &spec.target).then(|| Facts::of(spec)).flatten();
    let Some(facts) = facts else { return Ok(None) };
    let Some(wheels) = open_wheels(store, wheels)? else { return Ok(None) };
    if wheels.iter().map(Wheel::unpacked).sum::<u64>() > spec.max_unpacked {
        return Ok(None);
    }
    let planning = Planning { store, spec, texts: Texts::read(store, bootstrap)?, wheels };
    let mut tree = Tree::new();
    let Some(plan) = planning.plan(&facts, user, compiled, &mut tree)? else { return Ok(None) };
    tree.add_file(&spec.plan(), store.put(&plan)?, false)?;
    if options.boot != Boot::Sh {
        tree.add_file(INSTALLER_FILE, store.put(INSTALLER.as_bytes())?, false)?;
    }
    Ok(Some(tree))
}

fn open_wheels(store: &Store, wheels: &[Digest]) -> Result<Option<Vec<Wheel>>, StepError> {
    let mut opened = Vec::new();
    for wheel in wheels {
        let (name, digest) = steps::wheel_file(store, wheel)?;
        match understood(Wheel::open(store, &name, &digest))? {
            Some(wheel) => opened.push(wheel),
            None => return Ok(None),
        }
    }
    Ok(Some(opened))
}

/// What a plan cannot be made of, the runtime may still understand.
fn understood<T>(result: Result<T, EnvironmentError>) -> Result<Option<T>, StepError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(EnvironmentError::Store(error)) => Err(StepError::Store(error)),
        Err(EnvironmentError::Unpack(error)) => Err(StepError::Wheel(error)),
        Err(EnvironmentError::Metadata { .. } | EnvironmentError::DataKind { .. }) => Ok(None),
    }
}

/// Everything that a plan is made of.
struct Planning<'a> {
    store: &'a Store,
    spec: &'a StartSpec,
    texts: Texts,
    wheels: Vec<Wheel>,
}

impl Planning<'_> {
    fn plan(
        &self,
        facts: &Facts,
        user: &Digest,
        compiled: &[Digest],
        tree: &mut Tree,
    ) -> Result<Option<Vec<u8>>, StepError> {
        let scheme = Scheme::of(&self.spec.target);
        // What is to be started is looked for again, and told, where the PEX itself is made.
        let Ok(entry) = self.entry() else { return Ok(None) };
        let hermetic = boot::venv_hermetic_argument(&self.spec.pex.options);
        let style = Style {
            installer: "pex".to_owned(),
            requested: None,
            only_recorded: true,
            any_python: true,
            arguments: hermetic.map(ToOwned::to_owned),
            entry_scripts: self.texts.entry_scripts.clone(),
        };
        let made = Environment::of(self.store, &scheme, &self.wheels, user, &style);
        let Some(mut environment) = understood(made)? else { return Ok(None) };
        // Whom the runtime lets win depends on its own order, and it warns.
        if !environment.collisions.is_empty() {
            return Ok(None);
        }
        // The hashes of wheels are in PEX-INFO, those of compiled files only here, where they enter the PEX's own hash.
        let mut archives: Vec<(String, String)> =
            self.wheels.iter().map(|wheel| (format!(".deps/{}", wheel.name), String::new())).collect();
        for (wheel, archive) in self.wheels.iter().zip(compiled) {
            let Some((name, sha256, zip)) = self.open_compiled(wheel, archive, tree)? else { continue };
            environment.add_archive(archives.len(), &zip, "out/", &scheme);
            archives.push((name, sha256));
        }
        let count = self.wheels.len();
        self.texts.add(&mut environment, self.spec, &scheme, &entry, count);
        Ok(write::plan(&environment, &archives, facts, &scheme))
    }

    fn entry(&self) -> Result<EntryPoint, EntryError> {
        let scripts = |wheel: &Wheel| WheelScripts {
            project: wheel.name.split('-').next().unwrap_or(&wheel.name).to_owned(),
            entry_points: wheel.entry_points.clone(),
            scripts: wheel.scripts(),
        };
        let scripts: Vec<WheelScripts> = self.wheels.iter().map(scripts).collect();
        entry::resolve(&self.spec.pex.entry, &scripts)
    }

    /// Puts the compiled files of a wheel into the tree, unless there are none.
    fn open_compiled(
        &self,
        wheel: &Wheel,
        archive: &Digest,
        tree: &mut Tree,
    ) -> Result<Option<(String, String, SafeZip<BlobSource>)>, StepError> {
        let found = self.store.tree(archive)?;
        let [(_, TreeEntry::File { digest, .. })] = found.walk().as_slice() else {
            return Err(StepError::Input("expected a tree that holds one archive of compiled files"));
        };
        let name = format!("{}.{}.pyc.zip", wheel.name, self.spec.target.interpreter_tag());
        let zip = extract::open(self.store, &name, digest, Limits::default())?;
        if zip.entries().is_empty() {
            return Ok(None);
        }
        tree.add_file(&name, *digest, false)?;
        let sha256 = hash::hex(&Sha256::digest(self.store.read(digest)?));
        Ok(Some((format!("{FOLDER}/{name}"), sha256, zip)))
    }
}
