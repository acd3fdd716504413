//! From what a file mentions to what it depends on. Pure: knows the modules of all targets, and opens nothing.

use std::collections::HashSet;

use graph::{Edge, EdgeKind, Label, Place};

use super::assets::Assets;
use super::choice::{Choice, Importer};
use super::distributions::Distributions;
use super::imports::{Import, Imports};
use super::modules::{Modules, Owner};
use super::settings::InferSettings;
use crate::requirements::resolve_of;
use crate::stdlib::is_standard;

/// All that imports are looked up in.
pub(super) struct Resolver<'a> {
    pub(super) modules: &'a Modules<'a>,
    pub(super) distributions: &'a Distributions<'a>,
    pub(super) assets: &'a Assets,
    pub(super) settings: &'a InferSettings,
    pub(super) default_resolve: &'a str,
    /// The targets whose code runs on Python 2.
    pub(super) python_2: &'a HashSet<&'a Label>,
}

/// What came of one file.
#[derive(Debug, Default)]
pub(super) struct Outcome<'a> {
    pub(super) edges: Vec<Edge>,
    pub(super) failures: Vec<Failure<'a>>,
}

/// An import that led nowhere.
#[derive(Debug)]
pub(super) struct Failure<'a> {
    pub(super) importer: &'a Owner<'a>,
    pub(super) resolve: &'a str,
    /// The module as it is written, or absolute where it can be told.
    pub(super) module: String,
    /// The package or module that a name is taken from.
    pub(super) parent: Option<String>,
    /// Those that might be meant; none where nobody has it.
    pub(super) owners: Vec<Label>,
    pub(super) place: Place,
}

/// A module that is looked for.
struct Wanted<'m> {
    module: String,
    /// What also serves: the module whose attribute is taken.
    parent: Option<&'m str>,
    absolute: bool,
    weak: bool,
    place: Place,
}

impl<'a> Resolver<'a> {
    /// What a file depends on. `is_blank` tells of a file of the repository whether it holds nothing.
    pub(super) fn file(
        &self,
        owner: &'a Owner<'a>,
        imports: &Imports,
        is_blank: &dyn Fn(&str) -> bool,
    ) -> Outcome<'a> {
        let importer = Importer {
            owner,
            resolve: resolve_of(owner.target, self.default_resolve),
            default_resolve: self.default_resolve,
            ambiguity: self.settings.ambiguity,
        };
        let mut outcome = Outcome::default();
        for import in &imports.imports {
            self.import(&importer, import, &mut outcome);
        }
        self.strings(&importer, imports, &mut outcome);
        self.ancestors(&importer, is_blank, &mut outcome);
        outcome.edges.sort_by(|a, b| (&a.to, &a.place).cmp(&(&b.to, &b.place)));
        outcome.edges.dedup_by(|later, first| later.to == first.to);
        outcome
    }

    fn import(&self, importer: &Importer<'a>, import: &Import, outcome: &mut Outcome<'a>) {
        let owner = importer.owner;
        let place = place(owner, import.line, import.column, &import.module);
        let weak = import.weak || owner.is_stub;
        let wanted = |module: String, parent| Wanted {
            module,
            parent,
            absolute: import.level == 0,
            weak,
            place: place.clone(),
        };
        let Some(base) = absolute(owner.package(), import) else {
            let written = format!("{}{}", ".".repeat(import.level as usize), import.module);
            return fail(importer, wanted(written, None), Vec::new(), outcome);
        };
        if import.names.is_empty() {
            return self.look_up(importer, wanted(base, None), outcome);
        }
        for name in &import.names {
            let wanted = match name.as_str() {
                "*" => wanted(base.clone(), None),
                name => wanted(format!("{base}.{name}"), Some(base.as_str())),
            };
            self.look_up(importer, wanted, outcome);
        }
    }

    /// Finds who has a module; the longest name wins, and of two the repository's own.
    fn look_up(&self, importer: &Importer<'a>, wanted: Wanted<'_>, outcome: &mut Outcome<'a>) {
        let own = std::iter::once(wanted.module.as_str()).chain(wanted.parent);
        let own = own
            .map(|module| (module, self.own(importer, module, wanted.absolute)))
            .find(|(_, found)| !matches!(found, Found::Nothing));
        let standard = wanted.absolute && is_standard(&wanted.module);
        let others = (!standard).then(|| self.distributions.find(importer.resolve, &wanted.module)).flatten();
        let longer = |module: &str, found: &Found| match others {
            None => true,
            Some((parts, _)) => !matches!(found, Found::Barred) && module.split('.').count() >= parts,
        };
        match own {
            Some((module, found)) if longer(module, &found) => match found {
                Found::Files(labels) => outcome.add(importer, labels, &wanted.place),
                Found::Several(owners) => {
                    let module = module.to_owned();
                    fail(importer, Wanted { module, parent: None, ..wanted }, owners, outcome);
                }
                Found::Barred => fail(importer, wanted, Vec::new(), outcome),
                Found::Nothing => {}
            },
            _ => match others.map(|(_, owners)| importer.requirement(owners)) {
                Some(Choice::One(target)) => {
                    outcome.add(importer, vec![target.label.clone()], &wanted.place);
                }
                Some(Choice::Several(owners)) => {
                    let owners = owners.into_iter().map(|owner| owner.label.clone()).collect();
                    fail(importer, wanted, owners, outcome);
                }
                _ if standard || self.modules.is_namespace(&wanted.module) => {}
                _ if self.implicit(importer, &wanted, outcome) || wanted.weak => {}
                _ => fail(importer, wanted, Vec::new(), outcome),
            },
        }
    }

    /// Takes an import for one of a module beside the file, as Python 2 does.
    fn implicit(&self, importer: &Importer<'a>, wanted: &Wanted<'_>, outcome: &mut Outcome<'a>) -> bool {
        let (owner, package) = (importer.owner, importer.owner.package());
        if !wanted.absolute || package.is_empty() || !self.python_2.contains(&owner.target.label) {
            return false;
        }
        for module in std::iter::once(wanted.module.as_str()).chain(wanted.parent) {
            if let Found::Files(labels) = self.own(importer, &format!("{package}.{module}"), false) {
                outcome.add(importer, labels, &wanted.place);
                return true;
            }
        }
        false
    }

    /// The files of the repository that are a module.
    fn own(&self, importer: &Importer<'a>, module: &str, absolute: bool) -> Found {
        // A module that is called like one of the standard library takes its place only where it is beside the import.
        let shadows =
            |owner: &&Owner<'a>| !absolute || !is_standard(module) || owner.root() == importer.owner.root();
        if self.modules.owners_of(module).any(|owner| owner.path == importer.owner.path) {
            return Found::Files(Vec::new());
        }
        let of = |stub: bool| {
            let owners = self.modules.owners_of(module).filter(shadows);
            importer.file(owners.filter(move |owner| owner.is_stub == stub))
        };
        let labels = |owners: Vec<&Owner<'_>>| owners.into_iter().map(|owner| owner.label.clone()).collect();
        match (of(false), of(true)) {
            (Choice::None, Choice::None) => {
                let is_there = self.modules.owners_of(module).any(|owner| shadows(&owner));
                if is_there { Found::Barred } else { Found::Nothing }
            }
            (Choice::Several(owners), _) | (Choice::None, Choice::Several(owners)) => {
                Found::Several(labels(owners))
            }
            (Choice::One(file), Choice::One(stub)) => Found::Files(labels(vec![file, stub])),
            (Choice::One(file), _) | (Choice::None, Choice::One(file)) => Found::Files(labels(vec![file])),
        }
    }

    /// Strings that name modules or files, where this is on. What they do not find is no loss.
    fn strings(&self, importer: &Importer<'a>, imports: &Imports, outcome: &mut Outcome<'a>) {
        let settings = self.settings;
        for mention in &imports.strings {
            let place = || place(importer.owner, mention.line, mention.column, &mention.text);
            let text = &mention.text;
            if settings.string_imports && text.matches('.').count() >= settings.string_imports_min_dots {
                let parent = text.rsplit_once('.').map(|(parent, _)| parent);
                let wanted =
                    Wanted { module: text.clone(), parent, absolute: true, weak: true, place: place() };
                let mut found = Outcome::default();
                self.look_up(importer, wanted, &mut found);
                outcome.edges.append(&mut found.edges);
            }
            if settings.assets && text.matches('/').count() >= settings.assets_min_slashes {
                let found = self.assets.find(importer.owner, text);
                outcome.add(importer, found, &place());
            }
        }
    }

    /// What Python and pytest load before the file: the packages above it, and `conftest.py`.
    fn ancestors(&self, importer: &Importer<'a>, is_blank: &dyn Fn(&str) -> bool, outcome: &mut Outcome<'a>) {
        use super::settings::InitFiles::{Always, Never};
        let owner = importer.owner;
        let mut folder = owner.path.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            folder = above;
            if folder.len() < owner.root().len() || self.settings.init_files == Never {
                break;
            }
            let file = format!("{folder}/__init__.py");
            if self.settings.init_files == Always || !is_blank(&file) {
                self.ancestor(importer, &file, outcome);
            }
        }
        if owner.is_test() && self.settings.conftests {
            let folders = owner.path.match_indices('/').map(|(at, _)| &owner.path[..at]);
            for folder in folders.chain([""]) {
                self.ancestor(importer, &graph::join(folder, "conftest.py"), outcome);
            }
        }
    }

    fn ancestor(&self, importer: &Importer<'a>, file: &str, outcome: &mut Outcome<'a>) {
        if file == importer.owner.path {
            return;
        }
        let found = match importer.file(self.modules.owners_of_file(file)) {
            Choice::None => return,
            Choice::One(owner) => owner,
            // It is one file, whoever has it.
            Choice::Several(owners) => owners[0],
        };
        let (from, to) = (importer.owner.label.clone(), found.label.clone());
        outcome.edges.push(Edge { from, to, kind: EdgeKind::Inferred, place: None });
    }
}

/// What of the repository is a module.
enum Found {
    Nothing,
    /// Only files that the importer cannot depend on.
    Barred,
    /// These files; none where the file would depend on itself.
    Files(Vec<Label>),
    /// Any of these.
    Several(Vec<Label>),
}

impl<'a> Outcome<'a> {
    fn add(&mut self, importer: &Importer<'a>, to: Vec<Label>, place: &Place) {
        let from = &importer.owner.label;
        let edge = |to| Edge { from: from.clone(), to, kind: EdgeKind::Inferred, place: Some(place.clone()) };
        self.edges.extend(to.into_iter().map(edge));
    }
}

fn fail<'a>(importer: &Importer<'a>, wanted: Wanted<'_>, owners: Vec<Label>, outcome: &mut Outcome<'a>) {
    if wanted.weak && owners.is_empty() {
        return;
    }
    outcome.failures.push(Failure {
        importer: importer.owner,
        resolve: importer.resolve,
        module: wanted.module,
        parent: wanted.parent.map(ToOwned::to_owned),
        owners,
        place: wanted.place,
    });
}

/// The module that an import starts from; none where its dots lead out of the source root.
fn absolute(package: &str, import: &Import) -> Option<String> {
    if import.level == 0 {
        return Some(import.module.clone());
    }
    if package.is_empty() {
        return None;
    }
    let mut base = package;
    for _ in 1..import.level {
        base = base.rsplit_once('.')?.0;
    }
    Some(if import.module.is_empty() { base.to_owned() } else { format!("{base}.{}", import.module) })
}

fn place(owner: &Owner<'_>, line: u32, column: u32, text: &str) -> Place {
    let width = u32::try_from(text.chars().count()).unwrap_or(1);
    Place::new(owner.path.as_str(), line, column).wide(width)
}
