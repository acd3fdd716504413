//! Targets for the programs of a repository: files that can be run as a script, and the commands of projects.

use std::collections::{BTreeMap, BTreeSet};

use graph::Target;
use packaging::pyproject;
use packaging::wheel::EntryPoint as Command;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::{Passed, Repository, Wanted, split};
use crate::entry_point::{Code, EntryPoint, module_paths};

const RULE: &str = "python_binary";
/// The file of a package that is run when the package is.
const MAIN: &str = "__main__.py";

/// The folders whose files are of tests.
const TESTS: [&str; 2] = ["test", "tests"];

/// What a program starts: a file, and the function of it where one is called.
type Start = (String, Option<String>);

pub(super) fn wanted(repository: &Repository<'_>, files: &[&str], passed: &mut Vec<Passed>) -> Vec<Wanted> {
    let imports: BTreeMap<&str, &str> =
        files.iter().filter_map(|file| Some((repository.roots.import_path(file)?, *file))).collect();
    let programs = repository.targets.iter().filter(|target| target.rule.name == RULE);
    let mut started: BTreeSet<Start> = programs.filter_map(|program| start(program, &imports)).collect();
    let mut wanted = commands(repository, files, &imports, &mut started, passed);
    let all: BTreeSet<&str> = files.iter().copied().collect();
    let is_candidate = |file: &&&str| {
        let (folder, name) = split(file);
        let is_test = name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py";
        let is_script = name.ends_with(".py") && !is_test && name != "conftest.py";
        // In a package it is mostly there for who works on the module.
        let is_module = name != MAIN && all.contains(graph::join(folder, "__init__.py").as_str());
        let is_of_tests = folder.split('/').any(|part| TESTS.contains(&part));
        is_script && !is_module && !is_of_tests && !is_command(folder, name, &started)
    };
    let candidates: Vec<&str> = files.iter().filter(is_candidate).copied().collect();
    let scripts: Vec<&str> =
        candidates.par_iter().filter(|file| is_script(repository, file)).copied().collect();
    for file in scripts {
        let (folder, name) = split(file);
        let stem = if name == MAIN { "main" } else { name.strip_suffix(".py").unwrap_or(name) };
        wanted.push(Wanted {
            package: folder.to_owned(),
            names: vec![stem.to_owned(), format!("{stem}_bin")],
            rule: RULE,
            fields: vec![("entry_point", name.into())],
            files: vec![file.to_owned()],
        });
    }
    wanted
}

/// Whether a file is run as a script by a program already.
fn is_command(folder: &str, name: &str, started: &BTreeSet<Start>) -> bool {
    started.contains(&(graph::join(folder, name), None))
}

/// What a program starts, if that is a file of the repository.
fn start(program: &Target, imports: &BTreeMap<&str, &str>) -> Option<Start> {
    let entry = EntryPoint::parse(program.str("entry_point")?)?;
    let file = match entry.code {
        Code::File(file) => graph::join(program.label.package(), file),
        Code::Module(module) => of_module(module, entry.attribute, imports)?.to_owned(),
    };
    Some((file, entry.attribute.map(ToOwned::to_owned)))
}

fn of_module<'f>(
    module: &str,
    attribute: Option<&str>,
    imports: &BTreeMap<&str, &'f str>,
) -> Option<&'f str> {
    module_paths(module, attribute).iter().find_map(|path| imports.get(path.as_str()).copied())
}

/// Programs for the commands of projects.
fn commands(
    repository: &Repository<'_>,
    files: &[&str],
    imports: &BTreeMap<&str, &str>,
    started: &mut BTreeSet<Start>,
    passed: &mut Vec<Passed>,
) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for path in files.iter().filter(|file| split(file).1 == "pyproject.toml") {
        let Ok(bytes) = (repository.read)(path) else { continue };
        let about = pyproject::about(&String::from_utf8_lossy(&bytes));
        for command in about.commands.commands() {
            let Command { name, module, attribute } = command;
            let attribute = Some(attribute.as_str()).filter(|attribute| !attribute.is_empty());
            let Some(file) = of_module(module, attribute, imports) else {
                let reason = format!("`{name}` starts `{module}`, which is no file below a source root");
                passed.push(Passed { path: (*path).to_owned(), reason });
                continue;
            };
            if !started.insert((file.to_owned(), attribute.map(ToOwned::to_owned))) {
                continue;
            }
            wanted.push(Wanted {
                package: split(path).0.to_owned(),
                names: vec![name.clone(), format!("{name}_bin")],
                rule: RULE,
                fields: vec![("entry_point", command.object().as_str().into())],
                files: vec![(*path).to_owned()],
            });
        }
    }
    wanted
}

/// Whether a file does something when it is run and not when it is imported.
fn is_script(repository: &Repository<'_>, file: &str) -> bool {
    if split(file).1 == MAIN {
        return true;
    }
    let Ok(bytes) = (repository.read)(file) else { return false };
    String::from_utf8_lossy(&bytes).lines().filter(|line| line.starts_with("if")).any(|line| {
        let line = line.split('#').next().unwrap_or(line);
        let plain: String = line.chars().filter(|letter| !letter.is_whitespace()).collect();
        matches!(
            plain.replace('\'', "\"").trim_start_matches("if").trim_matches(['(', ')', ':']),
            "__name__==\"__main__\"" | "\"__main__\"==__name__"
        )
    })
}
