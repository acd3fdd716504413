//! A repository that knows of itself what each target is made of, and what a random change of it can affect. It does not
//! ask the tool that is tested.

use std::collections::{BTreeMap, BTreeSet};

use crate::random::Random;

/// How many folders there are; the first half is of one resolve, the rest of the other.
pub(crate) const FOLDERS: usize = 8;
const RESOLVES: [&str; 2] = ["one", "two"];
/// The distributions of each lock, each with those that it needs. The first three are asked for.
const DISTRIBUTIONS: [(&str, &[&str]); 6] = [
    ("web", &["base", "more"]),
    ("shell", &["base"]),
    ("tool", &[]),
    ("base", &[]),
    ("more", &["deep"]),
    ("deep", &[]),
];
const ASKED: [&str; 3] = ["web", "shell", "tool"];

/// What a file of Python imports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Import {
    /// The module of a file.
    File(String),
    /// A distribution.
    Project(&'static str),
}

/// A file of Python.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Module {
    imports: BTreeSet<Import>,
    /// Another number is another content.
    edition: usize,
}

/// What a BUILD file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Build {
    comment: usize,
    tag: usize,
    /// Requirements, libraries and data that the library declares.
    declared: BTreeSet<String>,
}

/// The repository in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    modules: BTreeMap<String, Module>,
    data: BTreeMap<String, usize>,
    builds: Vec<Build>,
    /// The version of each distribution of each resolve.
    versions: [BTreeMap<&'static str, usize>; 2],
    /// Of each lock.
    comments: [usize; 2],
    next: usize,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edit {
    Content,
    Imports,
    Add,
    Delete,
    Move,
    Data,
    Lock,
    LockComment,
    Declared,
    Tag,
    BuildComment,
}

/// All kinds, the usual ones more than once.
const EDITS: [Edit; 14] = [
    Edit::Content,
    Edit::Content,
    Edit::Imports,
    Edit::Imports,
    Edit::Add,
    Edit::Delete,
    Edit::Move,
    Edit::Move,
    Edit::Data,
    Edit::Lock,
    Edit::LockComment,
    Edit::Declared,
    Edit::Tag,
    Edit::BuildComment,
];

fn resolve_of(folder: usize) -> usize {
    usize::from(folder >= FOLDERS / 2)
}

fn folder_of(path: &str) -> usize {
    path.split('/').next().and_then(|folder| folder[1..].parse().ok()).expect("it is in a folder")
}

fn dotted(path: &str) -> String {
    let path = path.strip_suffix(".py").unwrap_or(path);
    path.strip_suffix("/__init__").unwrap_or(path).replace('/', ".")
}

impl Model {
    pub(crate) fn new(random: &mut Random) -> Model {
        let versions = || DISTRIBUTIONS.iter().map(|(name, _)| (*name, 1)).collect();
        let mut model = Model {
            modules: BTreeMap::new(),
            data: BTreeMap::new(),
            builds: vec![Build::default(); FOLDERS],
            versions: [versions(), versions()],
            comments: [0; 2],
            next: 0,
        };
        for folder in 0..FOLDERS {
            for name in ["__init__", "m0", "m1", "m2"] {
                model.modules.insert(format!("p{folder}/{name}.py"), Module::default());
            }
            model.data.insert(format!("p{folder}/data.txt"), 0);
        }
        for path in model.modules.keys().cloned().collect::<Vec<_>>() {
            model.change_imports(&path, random);
        }
        for folder in 0..FOLDERS {
            model.declare(folder, random);
        }
        model
    }

    /// Makes a random change, if it can be made; gives of which kind it is.
    pub(crate) fn edit(&mut self, random: &mut Random) -> Edit {
        let edit = *random.pick(&EDITS);
        self.next += 1;
        let next = self.next;
        let any = random.pick(&self.modules.keys().cloned().collect::<Vec<_>>()).clone();
        let folder = random.below(FOLDERS);
        let resolve = random.below(2);
        match edit {
            Edit::Content => self.modules.entry(any).or_default().edition = next,
            Edit::Imports => self.change_imports(&any, random),
            Edit::Add => {
                let path = format!("p{folder}/n{next}.py");
                self.modules.insert(path.clone(), Module { edition: next, ..Module::default() });
                self.change_imports(&path, random);
                // Somebody has imported it before it was there, or does so now.
                if random.once_in(2) {
                    self.modules
                        .entry(format!("p{folder}/m1.py"))
                        .or_default()
                        .imports
                        .insert(Import::File(path));
                }
            }
            Edit::Delete => drop(self.take(&any)),
            Edit::Move => {
                if let Some(module) = self.take(&any) {
                    let half = FOLDERS / 2;
                    let to =
                        format!("p{}/n{next}.py", resolve_of(folder_of(&any)) * half + random.below(half));
                    if random.once_in(2) {
                        self.rename(&any, &to);
                    }
                    self.modules.insert(to, module);
                }
            }
            Edit::Data => drop(self.data.insert(format!("p{folder}/data.txt"), next)),
            Edit::Lock => {
                let (name, _) = random.pick(&DISTRIBUTIONS);
                self.versions[resolve].insert(name, next + 1);
            }
            Edit::LockComment => self.comments[resolve] = next,
            Edit::Declared => self.declare(folder, random),
            Edit::Tag => self.builds[folder].tag = next,
            Edit::BuildComment => self.builds[folder].comment = next,
        }
        edit
    }

    /// Takes a module away, unless a program or a package needs its name.
    fn take(&mut self, path: &str) -> Option<Module> {
        let stays = path.ends_with("/__init__.py") || path.ends_with("/m0.py") || path.ends_with("/m1.py");
        if stays { None } else { self.modules.remove(path) }
    }

    /// Lets all who import a file import another.
    fn rename(&mut self, from: &str, to: &str) {
        for module in self.modules.values_mut() {
            if module.imports.remove(&Import::File(from.to_owned())) {
                module.imports.insert(Import::File(to.to_owned()));
            }
        }
    }

    fn change_imports(&mut self, path: &str, random: &mut Random) {
        let same =
            |other: &&String| resolve_of(folder_of(other)) == resolve_of(folder_of(path)) && *other != path;
        let others: Vec<String> = self.modules.keys().filter(same).cloned().collect();
        let mut imports = BTreeSet::new();
        for _ in 0..random.below(3) {
            imports.insert(match random.once_in(4) {
                true => Import::Project(random.pick::<&str>(&ASKED)),
                false => Import::File(random.pick(&others).clone()),
            });
        }
        self.modules.entry(path.to_owned()).or_default().imports = imports;
    }

    /// Declares other things: data and requirements, and libraries of later folders, so that there is no circle.
    fn declare(&mut self, folder: usize, random: &mut Random) {
        let (half, resolve) = (FOLDERS / 2, resolve_of(folder));
        let mut declared = BTreeSet::new();
        if random.once_in(2) {
            declared.insert(format!("//p{}:data", random.below(FOLDERS)));
        }
        if random.once_in(3) {
            declared.insert(format!("//3rdparty:{}-{}", random.pick(&ASKED), RESOLVES[resolve]));
        }
        let last = resolve * half + half - 1;
        if folder < last && random.once_in(3) {
            declared.insert(format!("//p{}:lib", folder + 1 + random.below(last - folder)));
        }
        self.builds[folder].declared = declared;
    }

    /// The files of the repository.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let config = "[python.resolves]\none = \"one.lock\"\ntwo = \"two.lock\"\n[python]\ndefault_resolve = \"one\"\n";
        files.insert("pants.toml".to_owned(), config.to_owned());
        let mut requirements = String::new();
        for (resolve, name) in RESOLVES.iter().flat_map(|resolve| ASKED.map(|name| (resolve, name))) {
            requirements.push_str(&format!(
                "python_requirement(name = \"{name}-{resolve}\", requirements = [\"{name}\"], resolve = \"{resolve}\")\n"
            ));
        }
        files.insert("3rdparty/BUILD".to_owned(), requirements);
        for (resolve, name) in RESOLVES.iter().enumerate() {
            files.insert(format!("{name}.lock"), self.lock(resolve));
        }
        for (path, module) in &self.modules {
            files.insert(path.clone(), module.text());
        }
        files.extend(self.data.iter().map(|(path, edition)| (path.clone(), format!("{edition}\n"))));
        for (folder, build) in self.builds.iter().enumerate() {
            let Build { comment, tag, declared } = build;
            let resolve = RESOLVES[resolve_of(folder)];
            // What is only written otherwise is: order, layout and comments.
            let mut declared: Vec<String> = declared.iter().map(|label| format!("\"{label}\"")).collect();
            if comment % 2 == 1 {
                declared.reverse();
            }
            let separator = if comment % 3 == 1 { ",\n    " } else { ", " };
            files.insert(
                format!("p{folder}/BUILD"),
                format!(
                    "# {comment}\npython_library(name = \"lib\", resolve = \"{resolve}\", tags = [\"t{tag}\"], dependencies = [{}])\n\
                     resources(name = \"data\", sources = [\"data.txt\"])\n\
                     python_binary(name = \"app\", entry_point = \"m0.py\", resolve = \"{resolve}\")\n",
                    declared.join(separator)
                ),
            );
        }
        files
    }

    fn lock(&self, resolve: usize) -> String {
        let mut text = format!(
            "# {}\nlock-version = \"1.0\"\ncreated-by = \"pants\"\nrequires-python = \">=3.9\"\n\n[tool.pants]\nformat = 1\n\
             indexes = [\"default\"]\ninterpreters = [\"3.11\"]\ninterpreter-constraints = []\n\
             platforms = [\"linux-x86_64\"]\nrequirements = []\n",
            self.comments[resolve]
        );
        let mut sorted = DISTRIBUTIONS;
        sorted.sort_unstable();
        for (name, needs) in sorted {
            let needs: String = needs.iter().map(|name| format!("{{ name = \"{name}\" }}, ")).collect();
            let version = self.versions[resolve][name];
            text.push_str(&format!(
                "\n[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\ndependencies = [{needs}]\n"
            ));
        }
        text
    }

    /// What each target comes to: the contents of all files, the versions of all distributions and the settings of all
    /// targets that it is made of. With `fields`, what BUILD files say of all that it needs is among them, though it may
    /// make no difference to what is built.
    pub(crate) fn meanings(&self, fields: bool) -> BTreeMap<String, BTreeSet<String>> {
        let mut all = BTreeMap::new();
        let mut roots: Vec<String> = (0..FOLDERS)
            .flat_map(|folder| ["lib", "data", "app"].map(|name| format!("//p{folder}:{name}")))
            .collect();
        for resolve in RESOLVES {
            roots.extend(ASKED.map(|name| format!("//3rdparty:{name}-{resolve}")));
        }
        for root in roots {
            let mut facts = BTreeSet::new();
            let (mut open, mut seen) = (vec![root.clone()], BTreeSet::new());
            while let Some(node) = open.pop() {
                if seen.insert(node.clone()) {
                    open.extend(self.needs(&node, &mut facts, fields || node == root));
                }
            }
            all.insert(root, facts);
        }
        all
    }

    /// What a target, a file or a distribution of a resolve (`one/web`) needs; adds what it is itself to the facts.
    fn needs(&self, node: &str, facts: &mut BTreeSet<String>, fields: bool) -> Vec<String> {
        if let Some(label) = node.strip_prefix("//3rdparty:") {
            let (name, resolve) = label.rsplit_once('-').expect("a name and a resolve");
            return vec![format!("{resolve}/{name}")];
        }
        if let Some((folder, name)) = node.strip_prefix("//").and_then(|label| label.split_once(':')) {
            let build = &self.builds[folder_of(folder)];
            return match name {
                "app" => vec![format!("{folder}/m0.py")],
                "data" => vec![format!("{folder}/data.txt")],
                _ => {
                    if fields {
                        facts.insert(build.fields());
                    }
                    facts.insert(format!("{node} is there"));
                    let own = self.modules.keys().filter(|path| path.starts_with(&format!("{folder}/")));
                    own.cloned().chain(build.declared.iter().cloned()).collect()
                }
            };
        }
        if let Some(edition) = self.data.get(node) {
            facts.insert(format!("{node}: {edition}"));
            return Vec::new();
        }
        match self.modules.get(node) {
            Some(module) => {
                facts.insert(format!("{node}: {}", module.text()));
                self.needs_of_file(node, module, fields, facts)
            }
            None => {
                let (resolve, name) = node.split_once('/').expect("a distribution");
                let Some(at) = RESOLVES.iter().position(|one| *one == resolve) else { return Vec::new() };
                facts.insert(format!("{node} {}", self.versions[at][name]));
                let (_, needs) = DISTRIBUTIONS.iter().find(|(one, _)| *one == name).expect("it is known");
                needs.iter().map(|need| format!("{resolve}/{need}")).collect()
            }
        }
    }

    /// A file needs what it imports, the package that it is in, and what its library declares.
    fn needs_of_file(
        &self,
        path: &str,
        module: &Module,
        fields: bool,
        facts: &mut BTreeSet<String>,
    ) -> Vec<String> {
        let folder = folder_of(path);
        let build = &self.builds[folder];
        if fields {
            facts.insert(build.fields());
        }
        let mut needs: Vec<String> = build.declared.iter().cloned().collect();
        needs.push(format!("p{folder}/__init__.py"));
        for import in &module.imports {
            match import {
                Import::File(path) if self.modules.contains_key(path) => {
                    needs.push(path.clone());
                    needs.push(format!("p{}/__init__.py", folder_of(path)));
                }
                Import::File(_) => {}
                Import::Project(name) => needs.push(format!("{}/{name}", RESOLVES[resolve_of(folder)])),
            }
        }
        needs
    }
}

impl Build {
    /// What it says of the library, whatever that comes to.
    fn fields(&self) -> String {
        format!("tag {}, {:?}", self.tag, self.declared)
    }
}

impl Module {
    fn text(&self) -> String {
        let mut text = format!("# {}\n", self.edition);
        for import in &self.imports {
            let module = match import {
                Import::File(path) => dotted(path),
                Import::Project(name) => (*name).to_owned(),
            };
            text.push_str(&format!("import {module}\n"));
        }
        text
    }
}
