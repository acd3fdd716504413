//! What BUILD files lack: from the files and targets of the repository to texts of BUILD files. Writes none of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use graph::{Label, Target, Value};
use loader::text::{NewCall, Style};
use loader::{Earlier, Files};
use python::SourceRoots;
use python::tailor::{Passed, Plan, Planned, Repository, plan};

use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::rewrite::Rewrite;
use crate::session::Session;

/// What is to be written, and why.
pub(crate) struct Tailored {
    /// The BUILD files, by path.
    pub(crate) rewrites: Vec<Rewrite>,
    pub(crate) targets: Vec<Planned>,
    pub(crate) passed: Vec<Passed>,
}

/// The texts of BUILD files, by path.
pub(crate) type Texts = BTreeMap<String, String>;

impl Session<'_> {
    /// What the repository lacks, in the folders that are asked about.
    pub(crate) fn tailor(
        &self,
        files: &Files,
        targets: &[Target],
        roots: &SourceRoots,
        is_asked: &dyn Fn(&str) -> bool,
    ) -> Result<Tailored, Vec<Diagnostic>> {
        let settings = &self.config.tailor;
        let read = |path: &str| std::fs::read(self.root.join(path));
        let not_added: Vec<Label> = (settings.ignore_adding_targets.iter())
            .map(|text| Label::parse(text, "").map_err(|error| explain::label(&error)))
            .collect::<Result<_, _>>()
            .map_err(|error| vec![error])?;
        let Plan { mut targets, mut passed } = plan(&Repository {
            files: &files.all,
            targets,
            roots,
            read: &read,
            ignore_paths: &settings.ignore_paths,
            not_added: &not_added,
        })
        .map_err(|error| vec![Diagnostic::error(Exit::Wrong, "tailor::pattern", error)])?;
        targets.retain(|target| is_asked(target.label.package()));
        passed.retain(|passed| is_asked(passed.path.rsplit_once('/').map_or("", |(folder, _)| folder)));
        let texts = self.build_texts(&files.build_files)?;
        let style = style(&texts);
        let mut by_folder: BTreeMap<&str, Vec<&Planned>> = BTreeMap::new();
        for target in &targets {
            by_folder.entry(target.label.package()).or_default().push(target);
        }
        let rewrite = |(folder, planned): (&str, Vec<&Planned>)| {
            let path = self.build_file(folder, &texts);
            let old = texts.get(&path).cloned();
            let calls: Vec<NewCall> = planned.iter().map(|planned| call(planned, &style)).collect();
            let new = loader::text::append(old.as_deref().unwrap_or_default(), &calls, &style)
                .map_err(|error| explain::load(&error))?;
            Ok(Rewrite { path, old, new })
        };
        let rewrites: Result<Vec<Rewrite>, Diagnostic> = by_folder.into_iter().map(rewrite).collect();
        Ok(Tailored { rewrites: rewrites.map_err(|error| vec![error])?, targets, passed })
    }

    /// The texts of BUILD files.
    pub(crate) fn build_texts(&self, paths: &[String]) -> Result<Texts, Vec<Diagnostic>> {
        let (mut texts, mut errors) = (Texts::new(), Vec::new());
        for path in paths {
            let read = std::fs::read(self.root.join(path)).map_err(|error| error.to_string());
            match read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())) {
                Ok(text) => {
                    texts.insert(path.clone(), text);
                }
                Err(reason) => {
                    let message = format!("`{path}` cannot be read: {reason}");
                    errors.push(Diagnostic::error(Exit::Wrong, "loader::unreadable", message));
                }
            }
        }
        if errors.is_empty() { Ok(texts) } else { Err(errors) }
    }

    /// The BUILD file of a folder, or the one that it would have.
    fn build_file(&self, folder: &str, texts: &Texts) -> String {
        let [first, second] = ["BUILD", "BUILD.pants"].map(|name| graph::join(folder, name));
        let wanted = graph::join(folder, &self.config.tailor.build_file_name);
        let there = [&first, &second].into_iter().find(|path| texts.contains_key(*path));
        match there {
            Some(there) => there.clone(),
            None if self.root.join(&wanted).is_dir() => second,
            None => wanted,
        }
    }

    /// The BUILD files that a repository without any would have, and the paths of all that decides what they say. None
    /// where it is not the repository of a Python project either.
    pub(crate) fn imagined(
        &self,
        roots: &SourceRoots,
    ) -> Result<Option<(Earlier, Vec<String>)>, Vec<Diagnostic>> {
        let files = loader::files(&self.loader_options());
        let is_project = |path: &String| {
            let name = graph::last_segment(path);
            name == "pyproject.toml" || name == "requirements.txt"
        };
        if !files.errors.is_empty() || !files.build_files.is_empty() || !files.all.iter().any(is_project) {
            return Ok(None);
        }
        let tailored = self.tailor(&files, &[], roots, &|_| true)?;
        let read = files.all.into_iter().filter(|path| python::tailor::is_read(path)).collect();
        Ok(Some((overlay(&tailored.rewrites), read)))
    }
}

/// The repository as it will be.
pub(crate) fn overlay(rewrites: &[Rewrite]) -> Earlier {
    let mut earlier = Earlier::default();
    for rewrite in rewrites {
        earlier.there(rewrite.path.clone(), Some(rewrite.new.clone().into_bytes()));
    }
    earlier
}

/// What is wrong with BUILD files as they will be.
pub(crate) fn wrong_with(session: &Session<'_>, rewrites: &[Rewrite]) -> Vec<Diagnostic> {
    let mut options = session.loader_options();
    options.earlier = Some(Arc::new(overlay(rewrites)));
    loader::load(&options, None).errors.iter().map(explain::load).collect()
}

/// What is wrong with the graph of targets as it will be: to declare what is imported may make a circle.
pub(crate) fn wrong_with_graph(
    session: &Session<'_>,
    roots: &SourceRoots,
    rewrites: &[Rewrite],
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let mut options = session.loader_options();
    options.earlier = Some(Arc::new(overlay(rewrites)));
    let loaded = loader::load(&options, None);
    if !loaded.errors.is_empty() {
        return Ok(loaded.errors.iter().map(explain::load).collect());
    }
    let read = |path: &str| match rewrites.iter().find(|rewrite| rewrite.path == path) {
        Some(rewrite) => Ok(rewrite.new.clone().into_bytes()),
        None => std::fs::read(session.root.join(path)),
    };
    let (targets, generated, wrong) = python::expand(loaded.targets, &read);
    let connected = session.connect(targets, generated, roots)?;
    let wrong = wrong.iter().chain(&connected.wrong).map(explain::rule);
    Ok(wrong.chain(connected.unsound.iter().map(explain::graph)).collect())
}

/// How BUILD files are written here.
pub(crate) fn style(texts: &Texts) -> Style {
    Style::of(
        texts
            .iter()
            .map(|(path, text)| (path.rsplit_once('/').map_or("", |(folder, _)| folder), text.as_str())),
    )
}

/// The call that makes a target.
fn call(planned: &Planned, style: &Style) -> NewCall {
    let (package, name) = (planned.label.package(), planned.label.name());
    let is_default = !package.is_empty() && name == graph::last_segment(package);
    let name = (!is_default || style.names).then(|| ("name".to_owned(), Value::from(name)));
    let fields = planned.fields.iter().map(|(field, value)| ((*field).to_owned(), value.clone()));
    NewCall { rule: style.rule(planned.rule), fields: name.into_iter().chain(fields).collect() }
}
