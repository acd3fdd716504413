//! A generated repository with two programs, a shared library and two wheels, and the folders that commands run in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::index::Index;
use crate::repository::Repository;
use crate::zip::{self, Entry};

/// What is built: programs as one file and as a folder, with a library in common and a wheel each.
const BUILD_FILES: [(&str, &str); 4] = [
    (
        "one/BUILD",
        "python_library(name = 'lib', dependencies = ['//shared', '//3rdparty:alpha'])\n\
         python_binary(name = 'one', entry_point = 'one.main', dependencies = [':lib'])\n",
    ),
    (
        "two/BUILD",
        "python_library(name = 'lib', dependencies = ['//shared', '//3rdparty:beta'])\n\
         python_binary(name = 'two', entry_point = 'two.main', layout = 'packed', dependencies = [':lib'])\n",
    ),
    ("shared/BUILD", "python_library()\n"),
    (
        "3rdparty/BUILD",
        "python_requirement(name = 'alpha', requirements = ['alpha==1.0'])\n\
         python_requirement(name = 'beta', requirements = ['beta==1.0'])\n",
    ),
];

/// A repository in a folder.
pub(crate) struct Checkout {
    pub(crate) root: PathBuf,
    pub(crate) cache: PathBuf,
    pub(crate) home: PathBuf,
    /// Variables that commands get besides.
    pub(crate) env: BTreeMap<String, String>,
}

/// A text that does not compress to nothing, so that packing takes its time.
fn filler(seed: u64, lines: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::new();
    for at in 0..lines {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("V{at} = '{state:016x}'\n"));
    }
    text
}

/// The wheel of a project, which differs by `salt` and has so many lines that are of no use.
fn wheel(project: &str, salt: u64, lines: u64) -> Vec<u8> {
    let module = format!("NAME = '{project}'\nSALT = {salt}\n{}", filler(salt, lines));
    zip::wheel(project, &[Entry::file(&format!("{project}/__init__.py"), &module)])
}

impl Checkout {
    /// Generates the repository in `root`. With another salt every wheel and every source is another one.
    pub(crate) fn generate(root: &Path, beside: &Path, salt: u64, index: &Index) -> Checkout {
        Checkout::with_wheels(root, beside, salt, index, 4000)
    }

    /// The same with wheels of so many lines.
    pub(crate) fn with_wheels(root: &Path, beside: &Path, salt: u64, index: &Index, lines: u64) -> Checkout {
        let repository = Checkout {
            root: root.to_owned(),
            cache: beside.join("cache"),
            home: beside.join("home"),
            env: BTreeMap::new(),
        };
        repository
            .write("pants.toml", "[python]\ninterpreters = [\"3.11\"]\nplatforms = [\"linux-x86_64\"]\n");
        BUILD_FILES.iter().for_each(|(path, text)| repository.write(path, text));
        repository.write("shared/__init__.py", &format!("SALT = {salt}\n{}", filler(salt + 1, 200)));
        for (program, wheel) in [("one", "alpha"), ("two", "beta")] {
            let main = format!("import shared, {wheel}\nprint('{program}', shared.SALT, {wheel}.SALT)\n");
            repository.write(&format!("{program}/main.py"), &main);
            repository.write(&format!("{program}/__init__.py"), "");
            for at in 0..30 {
                repository.write(&format!("{program}/part{at}.py"), &filler(salt * 100 + at, 100));
            }
        }
        let mut lock = String::from(
            "lock-version = \"1.0\"\ncreated-by = \"pants\"\nrequires-python = \">=3.8\"\nenvironments = []\n\n\
             [tool.pants]\nformat = 1\nindexes = [\"default\"]\ninterpreters = [\"3.11\"]\n\
             interpreter-constraints = []\nplatforms = [\"linux-x86_64\"]\n\
             requirements = [\"alpha==1.0\", \"beta==1.0\"]\n",
        );
        for project in ["alpha", "beta"] {
            let (name, content) = (format!("{project}-1.0-py3-none-any.whl"), wheel(project, salt, lines));
            lock.push_str(&format!(
                "\n[[packages]]\nname = \"{project}\"\nversion = \"1.0\"\nwheels = [\n    {{ name = \"{name}\", \
                 size = {}, hashes = {{ sha256 = \"{}\" }} }},\n]\ntool.pants.modules = [\"{project}\"]\n",
                content.len(),
                zip::sha256(&content)
            ));
            index.add(&name, content);
        }
        repository.write("pants.lock", &lock);
        repository.with_index(index)
    }

    fn with_index(mut self, index: &Index) -> Checkout {
        let mut other = Repository::new(&[]);
        index.of(&mut other);
        self.env.append(&mut other.env);
        self
    }

    /// The same repository again, as a fresh clone elsewhere would be.
    pub(crate) fn copy(&self, root: &Path, beside: &Path) -> Checkout {
        copy(&self.root, root);
        let (cache, home) = (beside.join("cache"), beside.join("home"));
        Checkout { root: root.to_owned(), cache, home, env: self.env.clone() }
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.root.join(path)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pants"));
        command.args(arguments).current_dir(&self.root).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", &self.home).env("PANTS_CACHE_DIR", &self.cache).envs(&self.env);
        command
    }

    /// Builds and gives the report.
    #[track_caller]
    pub(crate) fn build(&self, targets: &[&str]) -> Value {
        report(&self.command(&[&["--output", "json", "binary"], targets].concat()).output().unwrap())
    }

    /// All that is in `dist/`: each path with its mode and what is there.
    pub(crate) fn dist(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut found = BTreeMap::new();
        collect(&self.root.join("dist"), "", &mut found);
        found
    }
}

/// The report of a build that succeeded.
#[track_caller]
pub(crate) fn report(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stderr}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, (u32, Vec<u8>)>) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        let metadata = path.symlink_metadata().unwrap();
        let mode = metadata.permissions().mode();
        if metadata.is_dir() {
            collect(&path, &format!("{name}/"), found);
            found.insert(name, (mode, Vec::new()));
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap().to_str().unwrap().as_bytes().to_vec();
            found.insert(name, (0, target));
        } else {
            found.insert(name, (mode, fs::read(&path).unwrap()));
        }
    }
}

/// Copies a repository without what was built in it. All times are new.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            if !path.ends_with("dist") {
                copy(&path, &target);
            }
        } else {
            fs::write(&target, fs::read(&path).unwrap()).unwrap();
        }
    }
}
