//! A repository that knows of itself which tests and programs a change of it can affect. It does not ask the tool that is
//! tested.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;

/// How many folders there are, each with two modules, a test of each, and a program.
const FOLDERS: usize = 5;
const NAMES: [&str; 2] = ["a", "b"];

/// A file of Python: which modules it imports, and a number that makes its text another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct File {
    imports: BTreeSet<String>,
    edition: usize,
}

/// The repository in one state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    files: BTreeMap<String, File>,
    /// What no target has: a text, and comments of BUILD files.
    beside: usize,
    next: usize,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edit {
    Module,
    Imports,
    Test,
    Package,
    New,
    Beside,
    Revert,
}

const EDITS: [Edit; 7] =
    [Edit::Module, Edit::Imports, Edit::Test, Edit::Package, Edit::New, Edit::Beside, Edit::Revert];

impl Model {
    pub(crate) fn new(random: &mut Random) -> Model {
        let mut model = Model::default();
        for folder in 0..FOLDERS {
            model.files.insert(format!("p{folder}/__init__.py"), File::default());
            for name in NAMES {
                let module = format!("p{folder}/{name}.py");
                model.files.insert(module.clone(), File::default());
                model.change_imports(&module, random);
                let imports = BTreeSet::from([module]);
                model.files.insert(format!("p{folder}/{name}_test.py"), File { imports, edition: 0 });
            }
        }
        model
    }

    /// Makes a change of one kind after the other; `before` is the state that a revert goes back to.
    pub(crate) fn edit(&mut self, round: usize, before: &Model, random: &mut Random) -> Edit {
        self.next += 1;
        let (next, edit) = (self.next, EDITS[round % EDITS.len()]);
        let (folder, name) = (random.below(FOLDERS), *random.pick(&NAMES));
        let module = format!("p{folder}/{name}.py");
        let mut touch = |path: String| self.files.entry(path).or_default().edition = next;
        match edit {
            Edit::Module => touch(module),
            Edit::Test => touch(format!("p{folder}/{name}_test.py")),
            Edit::Package => touch(format!("p{folder}/__init__.py")),
            // Nobody imports it.
            Edit::New => touch(format!("p{folder}/n{next}.py")),
            Edit::Imports => {
                touch(module.clone());
                self.change_imports(&module, random);
            }
            Edit::Beside => self.beside = next,
            Edit::Revert => *self = Model { next, ..before.clone() },
        }
        edit
    }

    /// Lets a module import others, of folders before its own, so that there is no circle.
    fn change_imports(&mut self, module: &str, random: &mut Random) {
        let before = |other: &&String| other[..2] < module[..2] && !other.contains("_");
        let others: Vec<String> = self.files.keys().filter(before).cloned().collect();
        let count = if others.is_empty() { 0 } else { random.below(3) };
        let imports = (0..count).map(|_| random.pick(&others).clone()).collect();
        self.files.entry(module.to_owned()).or_default().imports = imports;
    }

    /// The texts of all files that are the repository's own.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let mut texts: BTreeMap<String, String> =
            self.files.iter().map(|(path, file)| (path.clone(), file.text(path))).collect();
        texts.insert("README.md".to_owned(), format!("{}\n", self.beside));
        for folder in 0..FOLDERS {
            texts.insert(
                format!("p{folder}/BUILD"),
                format!(
                    "# {}\npython_library(name = \"lib\")\npython_tests(name = \"tests\")\n\
                     python_binary(name = \"app\", entry_point = \"a.py\")\n",
                    self.beside
                ),
            );
        }
        texts
    }

    /// What each step comes to that a job may have to do: the texts of all files that a test or a program sees.
    pub(crate) fn meanings(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all = BTreeMap::new();
        for folder in 0..FOLDERS {
            for name in NAMES {
                let path = format!("p{folder}/{name}_test.py");
                all.insert(format!("test {path}"), self.seen(&path));
            }
            all.insert(format!("assemble dist/p{folder}/app.pex"), self.seen(&format!("p{folder}/a.py")));
        }
        all
    }

    fn seen(&self, path: &str) -> BTreeSet<String> {
        let (mut open, mut seen) = (vec![path.to_owned()], BTreeSet::new());
        while let Some(path) = open.pop() {
            let file = &self.files[&path];
            if seen.insert(format!("{path}: {}", file.text(&path))) {
                open.push(format!("{}/__init__.py", &path[..2]));
                open.extend(file.imports.iter().cloned());
            }
        }
        seen
    }
}

impl File {
    fn text(&self, path: &str) -> String {
        let mut text = format!("# {}\n", self.edition);
        for import in &self.imports {
            text.push_str(&format!("import {}\n", import.trim_end_matches(".py").replace('/', ".")));
        }
        if path.ends_with("_test.py") {
            text.push_str("\n\ndef test_it():\n    pass\n");
        }
        text
    }
}
