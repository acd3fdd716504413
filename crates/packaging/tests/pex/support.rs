//! Parts and tools of the PEX tests: the real runtime, real wheels, real interpreters, and a PEX made of them
//! directly on the steps, without an engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Finished};
use std::sync::OnceLock;

use engine::archive::{Group, Packing, Spec, build};
use packaging::pex::{
    MAX_UNPACKED, Members, Output, PexOptions, PexSpec, RUNTIME, Source, StartSpec, WheelRef, plan, steps,
};
use packaging::python::Minor;
use packaging::target::Target;
use sha2::{Digest as _, Sha256};
use store::{Digest, DigestFunction, Entry, Store, Tree};

/// A file of a PEX's user: path, text, whether it is executable.
pub(crate) type UserFile = (&'static str, &'static str, bool);

/// A store with the unpacked runtime in it.
pub(crate) struct Workshop {
    pub(crate) store: Store,
    pub(crate) dir: tempfile::TempDir,
    /// What plans of starts are made for.
    pub(crate) planned_for: Vec<Target>,
    /// What the wheels of a planned PEX may unpack to.
    pub(crate) max_unpacked: u64,
    runtime: Digest,
}

impl Workshop {
    /// None, after saying why, where the runtime's wheel is not to be had.
    pub(crate) fn new() -> Option<Workshop> {
        let wheel = runtime_wheel()?;
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store = Store::open(&dir.path().join("store"), DigestFunction::Blake3).unwrap();
        let blob = store.put_file(&wheel).unwrap();
        let runtime = engine::extract::extract(&store, RUNTIME.wheel, &blob).unwrap();
        Some(Workshop { store, dir, planned_for: Vec::new(), max_unpacked: MAX_UNPACKED, runtime })
    }

    /// A tree of these files.
    pub(crate) fn tree(&self, files: &[UserFile]) -> Digest {
        let mut tree = Tree::new();
        for (path, text, executable) in files {
            tree.add_file(path, self.store.put(text.as_bytes()).unwrap(), *executable).unwrap();
        }
        self.store.put_tree(&tree).unwrap()
    }

    /// Trees with one wheel each, and the wheels' names and hashes.
    pub(crate) fn wheels(&self, files: &[PathBuf]) -> (Vec<Digest>, Vec<WheelRef>) {
        files.iter().map(|file| self.wheel(file)).unzip()
    }

    fn wheel(&self, file: &Path) -> (Digest, WheelRef) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let sha256 =
            Sha256::digest(fs::read(file).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut tree = Tree::new();
        tree.add_file(&name, self.store.put_file(file).unwrap(), false).unwrap();
        (self.store.put_tree(&tree).unwrap(), WheelRef { name, sha256 })
    }

    /// The `PEX-INFO` of a PEX of any layout.
    pub(crate) fn info(&self, pex: &Path) -> serde_json::Value {
        if pex.is_dir() {
            return serde_json::from_slice(&fs::read(pex.join("PEX-INFO")).unwrap()).unwrap();
        }
        let mut zip = zip::ZipArchive::new(fs::File::open(pex).unwrap()).unwrap();
        serde_json::from_reader(zip.by_name("PEX-INFO").unwrap()).unwrap()
    }

    /// Makes the PEX `spec` as `name` in the workshop's folder and gives its path.
    pub(crate) fn make(&self, name: &str, spec: &PexSpec, files: &[UserFile], wheels: &[Digest]) -> PathBuf {
        self.try_make(name, spec, files, wheels).unwrap()
    }

    pub(crate) fn try_make(
        &self,
        name: &str,
        spec: &PexSpec,
        files: &[UserFile],
        wheels: &[Digest],
    ) -> Result<PathBuf, steps::StepError> {
        let bootstrap = self.prepare(spec)?;
        self.assemble(bootstrap, spec, files, wheels, name)
    }

    /// The bootstrap as the layout of `spec` wants it: as it is, and as the archive that goes in.
    pub(crate) fn prepare(&self, spec: &PexSpec) -> Result<(Digest, Digest), steps::StepError> {
        let store = &self.store;
        let bootstrap = steps::bootstrap(store, spec.options.includes_tools(), &self.runtime)?;
        let Some(archive) = plan(spec.options.layout).bootstrap else { return Ok((bootstrap, bootstrap)) };
        let tree = store.tree(&bootstrap)?;
        let group = group("the bootstrap", &tree, archive.under, Packing::Deflate);
        let blob = build(store, &Spec { prefix: None, groups: vec![group] }).unwrap();
        let mut tree = Tree::new();
        tree.add_file(archive.name, blob, false)?;
        Ok((bootstrap, store.put_tree(&tree)?))
    }

    /// Makes a PEX from the prepared bootstrap.
    pub(crate) fn assemble(
        &self,
        (bootstrap, packed): (Digest, Digest),
        spec: &PexSpec,
        files: &[UserFile],
        wheels: &[Digest],
        name: &str,
    ) -> Result<PathBuf, steps::StepError> {
        let store = &self.store;
        let user = steps::sources(store, &self.tree(files))?;
        let start = self.start(spec, &bootstrap, &user, wheels)?;
        let boot = steps::boot(store, spec, &bootstrap, &user, &start, wheels)?;
        let trees = |source: Source| match source {
            Source::Bootstrap => vec![packed],
            Source::Boot => vec![boot],
            Source::Sources => vec![user],
            Source::Start => vec![start],
            Source::Wheels => wheels.to_vec(),
        };
        let path = self.dir.path().join(name);
        match &plan(spec.options.layout).output {
            Output::Archive { prefix, members } => {
                let blob = self.archive(&boot, prefix, members, trees);
                store.place(&blob, &path, true).unwrap();
            }
            Output::Folder(layers) => {
                let mut whole = Tree::new();
                for (source, under) in layers {
                    for tree in trees(*source) {
                        whole.merge(under, store.tree(&tree)?)?;
                    }
                }
                write_tree(store, &whole, &path);
            }
        }
        Ok(path)
    }

    /// The plans of the first start; each of several targets has the wheels that it accepts.
    fn start(
        &self,
        spec: &PexSpec,
        bootstrap: &Digest,
        user: &Digest,
        wheels: &[Digest],
    ) -> Result<Digest, steps::StepError> {
        let (names, mut plans) = (steps::names(&self.store, user)?, Tree::new());
        for (number, target) in self.planned_for.iter().enumerate() {
            let accepted = |(wheel, _): &(WheelRef, Digest)| {
                target.tags().rank(&wheel.name.parse().unwrap()).is_some() || self.planned_for.len() == 1
            };
            let all = spec.wheels.iter().cloned().zip(wheels.iter().copied());
            let (own, wheels): (Vec<WheelRef>, Vec<Digest>) = all.filter(accepted).unzip();
            let shared = (self.planned_for.len() > 1).then_some(number);
            let pex = PexSpec { wheels: own, ..spec.clone() };
            let spec = StartSpec { pex, target: *target, max_unpacked: self.max_unpacked, shared };
            let plan = steps::start(&self.store, &spec, bootstrap, &names, &wheels, &[])?;
            plans.merge("", self.store.tree(&plan)?)?;
        }
        Ok(self.store.put_tree(&plans)?)
    }

    fn archive(
        &self,
        boot: &Digest,
        prefix: &str,
        members: &[Members],
        trees: impl Fn(Source) -> Vec<Digest>,
    ) -> Digest {
        let tree = self.store.tree(boot).unwrap();
        let Some(Entry::File { digest, .. }) = tree.get(prefix) else { panic!("no prefix") };
        let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let inputs: Vec<_> = members
            .iter()
            .flat_map(|member| trees(member.source).into_iter().map(move |tree| (member, tree)))
            .map(|(member, tree)| {
                (member, self.store.tree(&tree).unwrap(), text(member.only), text(member.directories))
            })
            .collect();
        let groups = inputs
            .iter()
            .map(|(member, tree, only, directories)| Group {
                only,
                directories,
                ..group("an input", tree, member.under, member.packing)
            })
            .collect();
        build(&self.store, &Spec { prefix: Some(*digest), groups }).unwrap()
    }
}

fn group<'a>(origin: &str, tree: &'a Tree, under: &'a str, packing: Packing) -> Group<'a> {
    Group { origin: origin.to_owned(), tree, under, packing, only: &[], directories: &[] }
}

fn write_tree(store: &Store, tree: &Tree, path: &Path) {
    fs::create_dir(path).unwrap();
    for (name, entry) in tree.entries() {
        let path = path.join(name);
        match entry {
            Entry::File { digest, executable } => store.place(digest, &path, *executable).unwrap(),
            Entry::Symlink { target } => std::os::unix::fs::symlink(target, path).unwrap(),
            Entry::Directory(inner) => write_tree(store, inner, &path),
        }
    }
}

/// Options for one minor, or a range of them.
pub(crate) fn options(minors: &[u8]) -> PexOptions {
    let (first, last) = (minors[0], minors[minors.len() - 1]);
    PexOptions {
        pythons: minors.iter().map(|minor| Minor::new(3, *minor)).collect(),
        interpreter_constraints: vec![format!("CPython<3.{},>=3.{first}", last + 1)],
        ..PexOptions::default()
    }
}

/// CPython 3.`minor`, where this machine has it.
pub(crate) fn python(minor: u8) -> Option<PathBuf> {
    python_named(&format!("python3.{minor}"))
}

/// The interpreter of this name, where this machine has it: below pyenv, or on `PATH`.
pub(crate) fn python_named(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")))?;
    let versions = fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.sort();
    found.extend(std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)));
    let works = |path: &PathBuf| {
        path.is_file() && Command::new(path).arg("-V").output().is_ok_and(|output| output.status.success())
    };
    found.into_iter().find(works)
}

/// Some interpreter to run helpers with, newest known first.
pub(crate) fn any_python() -> Option<PathBuf> {
    let found = [11, 12, 13, 10, 9].into_iter().find_map(python);
    if found.is_none() {
        println!("skipped: no CPython 3.9 to 3.13 found");
    }
    found
}

/// The files that `pip download` fetches for `requirements`, kept for the next test.
pub(crate) fn download(name: &str, requirements: &[&str]) -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts").join(name);
    let arguments = ["-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest"];
    provide(&folder, |folder| {
        let mut command = Command::new(any_python()?);
        command.args(arguments).arg(folder).args(requirements);
        succeeded(&mut command).then_some(())
    })?;
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    Some(files)
}

/// The wheel of the pinned runtime.
fn runtime_wheel() -> Option<PathBuf> {
    let requirement = format!("{}=={}", RUNTIME.project, RUNTIME.version);
    // A newer interpreter would get the other of the two wheels.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts").join("runtime");
    let arguments = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--python-version",
        "3.11",
    ];
    provide(&folder, |folder| {
        let mut command = Command::new(any_python()?);
        command.args(arguments).arg("--dest").arg(folder).arg(&requirement);
        succeeded(&mut command).then_some(())
    })?;
    Some(folder.join(RUNTIME.wheel))
}

/// A virtual environment with the `pex` tool of the runtime's version; gives its Python.
pub(crate) fn pex_tool() -> Option<PathBuf> {
    static TOOL: OnceLock<Option<PathBuf>> = OnceLock::new();
    TOOL.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parts").join("pex-tool");
        // Made in place: a virtual environment cannot be moved.
        provide(&folder, |_| {
            let requirement = format!("{}=={}", RUNTIME.project, RUNTIME.version);
            let made = succeeded(Command::new(any_python()?).args(["-m", "venv"]).arg(folder.join("venv")))
                && succeeded(Command::new(folder.join("venv/bin/python")).args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    &requirement,
                ]));
            made.then_some(())
        })?;
        Some(folder.join("venv/bin/python"))
    })
    .clone()
}

/// Fills `folder` once, whoever of several processes comes first; a mark says that it is whole.
fn provide(folder: &Path, fill: impl FnOnce(&Path) -> Option<()>) -> Option<()> {
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = fs::File::create(folder.with_added_extension("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let mark = folder.with_added_extension("whole");
    if mark.exists() {
        return Some(());
    }
    let _ = fs::remove_dir_all(folder);
    fs::create_dir(folder).unwrap();
    if fill(folder).is_none() {
        println!("skipped: cannot provide `{}`", folder.file_name().unwrap().display());
        return None;
    }
    fs::write(mark, "").unwrap();
    Some(())
}

fn succeeded(command: &mut Command) -> bool {
    let output = command.output().unwrap();
    if !output.status.success() {
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

/// A command in an environment that holds nothing but an empty home, `PEX_ROOT` and the folder of `python`.
pub(crate) fn command(program: &Path, python: &Path, root: &Path) -> Command {
    let home = root.with_extension("home");
    fs::create_dir_all(&home).unwrap();
    let mut command = Command::new(program);
    command.env_clear().env("PATH", python.parent().unwrap()).env("HOME", home).env("PEX_ROOT", root);
    command.current_dir(root.parent().unwrap());
    command
}

/// Runs `command`, which must succeed, and gives its standard output.
pub(crate) fn stdout(command: &mut Command) -> String {
    let finished = finish(command);
    let (out, err) = (String::from_utf8_lossy(&finished.stdout), String::from_utf8_lossy(&finished.stderr));
    assert!(finished.status.success(), "{command:?} failed\nstdout: {out}\nstderr: {err}");
    out.into_owned()
}

pub(crate) fn finish(command: &mut Command) -> Finished {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
