//! The `pyproject.toml` of a source distribution, by which other tools build the same wheel of it; reads nothing.

use toml::{Table, Value};

use super::{Metadata, Person, ReadmeText, SOURCE_ROOT};

/// What builds it. It takes files as they are, and knows the licence fields of core metadata 2.4.
const BACKEND: &str = "hatchling>=1.27";
/// The document that an inline description becomes.
pub(super) const INLINE_README: &str = "README";

/// The text of the file.
pub(super) fn pyproject(metadata: &Metadata) -> String {
    let mut build = Table::new();
    build.insert("requires".into(), list([BACKEND]));
    build.insert("build-backend".into(), "hatchling.build".into());
    let mut wheel = Table::new();
    wheel.insert("only-include".into(), list([SOURCE_ROOT]));
    wheel.insert("sources".into(), list([SOURCE_ROOT]));
    let mut hatch = Table::new();
    // What is in the archive is in the wheel, whatever repository it is unpacked in.
    hatch.insert("ignore-vcs".into(), true.into());
    hatch.insert("targets".into(), nested("wheel", wheel));
    let mut document = Table::new();
    document.insert("build-system".into(), build.into());
    document.insert("project".into(), project(metadata).into());
    document.insert("tool".into(), nested("hatch", nested("build", hatch)));
    document.to_string()
}

fn nested(name: &str, table: impl Into<Value>) -> Value {
    Value::Table(Table::from_iter([(name.to_owned(), table.into())]))
}

fn list<T: ToString>(texts: impl IntoIterator<Item = T>) -> Value {
    Value::Array(texts.into_iter().map(|text| Value::String(text.to_string())).collect())
}

fn project(metadata: &Metadata) -> Table {
    let mut project = Table::new();
    project.insert("name".into(), metadata.name.clone().into());
    project.insert("version".into(), metadata.version.clone().into());
    let texts = [("description", &metadata.summary), ("requires-python", &metadata.requires_python)];
    for (key, text) in texts {
        project.extend(text.clone().map(|text| (key.to_owned(), text.into())));
    }
    if let Some(readme) = &metadata.readme {
        let file = match &readme.text {
            ReadmeText::File(path) => path,
            ReadmeText::Inline(_) => INLINE_README,
        };
        let mut table = Table::new();
        table.insert("file".into(), file.into());
        table.insert("content-type".into(), readme.content_type.clone().into());
        project.insert("readme".into(), table.into());
    }
    match (&metadata.license_expression, &metadata.license) {
        (Some(expression), _) => drop(project.insert("license".into(), expression.clone().into())),
        (None, Some(text)) => drop(project.insert("license".into(), nested("text", text.clone()))),
        (None, None) => {}
    }
    if metadata.license_expression.is_some() || metadata.license.is_none() {
        project.insert("license-files".into(), list(&metadata.license_files));
    }
    let lists = [("keywords", &metadata.keywords), ("classifiers", &metadata.classifiers)];
    for (key, texts) in lists.into_iter().chain([("dependencies", &metadata.requires)]) {
        if !texts.is_empty() {
            project.insert(key.into(), list(texts));
        }
    }
    for (key, people) in [("authors", &metadata.authors), ("maintainers", &metadata.maintainers)] {
        if !people.is_empty() {
            project.insert(key.into(), Value::Array(people.iter().map(person).collect()));
        }
    }
    if !metadata.urls.is_empty() {
        let urls = metadata.urls.iter().map(|(label, url)| (label.clone(), url.clone().into()));
        project.insert("urls".into(), Value::Table(urls.collect()));
    }
    if !metadata.extras.is_empty() {
        let extras = metadata.extras.iter().map(|(extra, texts)| (extra.clone(), list(texts)));
        project.insert("optional-dependencies".into(), Value::Table(extras.collect()));
    }
    entry_points(metadata, &mut project);
    project
}

fn person(person: &Person) -> Value {
    let parts = [("name", &person.name), ("email", &person.email)];
    let parts = parts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.clone()?.into())));
    Value::Table(parts.collect())
}

fn entry_points(metadata: &Metadata, project: &mut Table) {
    let mut others = Table::new();
    for (group, entries) in &metadata.entry_points {
        let entries = entries.iter().map(|(name, target)| (name.clone(), target.clone().into()));
        let entries = Value::Table(entries.collect());
        match group.as_str() {
            "console_scripts" => drop(project.insert("scripts".into(), entries)),
            "gui_scripts" => drop(project.insert("gui-scripts".into(), entries)),
            _ => drop(others.insert(group.clone(), entries)),
        }
    }
    if !others.is_empty() {
        project.insert("entry-points".into(), others.into());
    }
}
