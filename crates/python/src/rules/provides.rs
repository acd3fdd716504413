//! The metadata of a distribution as its fields say it: `provides`, and those beside it. Knows no dependency.

use std::collections::BTreeMap;

use graph::{Label, Place, Target, TargetGraph, Value};
use packaging::Version;
use packaging::distribution::{Metadata, Person, Readme, ReadmeText, TagPattern};
use packaging::name::{self, PackageName};
use packaging::requirement::Requirement;

use super::Analysis;
use crate::distribution_error::DistributionError;
use crate::entry_point::{Code, EntryPoint, module_of_file};
use crate::error::RuleError;
use crate::ownership::DISTRIBUTION;

/// What `provides` may say.
const KEYS: &[&str] = &[
    "name",
    "version",
    "description",
    "long_description",
    "long_description_content_type",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
    "license",
    "license_expression",
    "keywords",
    "classifiers",
    "url",
    "download_url",
    "project_urls",
    "extras_require",
    "entry_points",
];
/// What it may say without effect: these wheels hold files as they are, and need no advice how to find or keep them.
const WITHOUT_EFFECT: &[&str] = &["zip_safe", "include_package_data", "namespace_packages"];
/// What the graph says.
const COMPUTED: &[(&str, &str)] = &[
    ("install_requires", "what it requires is told by what its files import; name more in `dependencies`"),
    ("python_requires", "it is told by `interpreter_constraints`"),
    ("packages", "its files are told by `dependencies`"),
    ("package_data", "name `resources` in `dependencies`"),
    ("package_dir", "imports start at `[source] root_patterns`"),
    ("py_modules", "its files are told by `dependencies`"),
];

/// The fields of a distribution on their way to metadata.
pub(super) struct Provides<'t> {
    target: &'t Target,
    place: &'t Place,
    table: Vec<(&'t str, &'t Value)>,
    errors: Vec<RuleError>,
}

/// The name and the version of a distribution.
///
/// # Errors
/// What is wrong with them.
pub(super) fn identity(
    target: &Target,
    analysis: &Analysis<'_>,
) -> Result<(String, Version), Vec<RuleError>> {
    let mut provides = Provides::of(target);
    let name = provides.name();
    let version = provides.version(analysis);
    match (name, version) {
        (Some(name), Some(version)) if provides.errors.is_empty() => Ok((name, version)),
        _ => Err(provides.errors),
    }
}

/// The name of what a `python_distribution` provides; none of other targets, and where it is wrong.
pub fn distribution_name(target: &Target) -> Option<PackageName> {
    if target.rule.name != DISTRIBUTION {
        return None;
    }
    Provides::of(target).name().and_then(|name| name::parse_name(&name).ok())
}

/// The metadata of a distribution but for what it requires, whatever its Pythons.
///
/// # Errors
/// All that is wrong with its fields.
pub(super) fn metadata(target: &Target, analysis: &Analysis<'_>) -> Result<Metadata, Vec<RuleError>> {
    let mut provides = Provides::of(target);
    provides.check_keys();
    let (name, version) = (provides.name(), provides.version(analysis));
    let (readme, license_files) = (provides.readme(), provides.license_files());
    let urls = provides.urls();
    let extras = provides.extras();
    let entry_points = provides.entry_points(analysis);
    let metadata = Metadata {
        name: name.unwrap_or_default(),
        version: version.map(|version| version.to_string()).unwrap_or_default(),
        summary: provides.text("description").map(one_line),
        readme,
        license_expression: provides.text("license_expression").map(one_line),
        license: provides.text("license").map(ToOwned::to_owned),
        license_files,
        authors: provides.people("author", "author_email"),
        maintainers: provides.people("maintainer", "maintainer_email"),
        keywords: provides.keywords(),
        classifiers: provides.texts("classifiers"),
        urls,
        requires_python: None,
        requires: Vec::new(),
        extras,
        entry_points,
        python_tag: String::new(),
    };
    if provides.errors.is_empty() { Ok(metadata) } else { Err(provides.errors) }
}

/// The entry points that a target names, as they are written, each with its place.
pub(crate) fn entry_texts(target: &Target) -> Vec<(String, String, String, Place)> {
    let mut found = Vec::new();
    let field = |name: &str| target.field(name).map(|field| field.place.clone());
    if let Some(place) = field("entry_points") {
        flatten(&target.table("entry_points"), &place, &mut found);
    }
    let provided = target.table("provides").into_iter().find(|(key, _)| *key == "entry_points");
    if let (Some((_, Value::Dict(groups))), Some(place)) = (provided, field("provides")) {
        let groups: Vec<(&str, &Value)> =
            groups.iter().filter_map(|(key, value)| Some((key.as_str()?, value))).collect();
        flatten(&groups, &place, &mut found);
    }
    found
}

/// Group, name and target of each: a text by itself is a console script, a group is a dictionary or a list of
/// `name = target`.
fn flatten(table: &[(&str, &Value)], place: &Place, found: &mut Vec<(String, String, String, Place)>) {
    let mut add = |group: &str, name: &str, target: &str| {
        found.push((group.to_owned(), name.trim().to_owned(), target.trim().to_owned(), place.clone()));
    };
    for (key, value) in table {
        match value {
            Value::Str(target) => add("console_scripts", key, target),
            Value::Dict(entries) => {
                for (name, target) in entries {
                    add(key, name.as_str().unwrap_or_default(), target.as_str().unwrap_or_default());
                }
            }
            Value::List(lines) => {
                for line in lines.iter().filter_map(Value::as_str) {
                    let (name, target) = line.split_once('=').unwrap_or((line, ""));
                    add(key, name, target);
                }
            }
            _ => {}
        }
    }
}

/// The text that a program starts with, where an entry point names the program instead.
pub(crate) fn program_of<'g>(graph: &'g TargetGraph, text: &str, package: &str) -> Option<&'g Target> {
    if !text.starts_with([':', '/']) {
        return None;
    }
    let label = Label::parse(text, package).ok()?;
    let node = graph.actual(graph.node(&label)?);
    Some(graph.target(node)).filter(|target| target.rule.name == "python_binary")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl<'t> Provides<'t> {
    fn of(target: &'t Target) -> Self {
        let place = target.field("provides").map_or(&target.place, |field| &field.place);
        Self { target, place, table: target.table("provides"), errors: Vec::new() }
    }

    fn wrong(&mut self, message: String, help: Option<String>, place: &Place) {
        self.errors.push(DistributionError::Metadata { message, help, place: place.clone() }.into());
    }

    fn get(&self, key: &str) -> Option<&'t Value> {
        let found = self.table.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        found.filter(|value| **value != Value::None)
    }

    fn text(&mut self, key: &str) -> Option<&'t str> {
        let value = self.get(key)?;
        let text = value.as_str();
        if text.is_none() {
            let message = format!("`{key}` of `provides` has to be a string, found a {}", value.type_name());
            self.wrong(message, None, self.place);
        }
        text.filter(|text| !text.trim().is_empty())
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        match self.get(key) {
            None => Vec::new(),
            Some(Value::List(items)) => items.iter().filter_map(Value::as_str).map(one_line).collect(),
            Some(other) => {
                let found = other.type_name();
                self.wrong(
                    format!("`{key}` of `provides` has to be a list, found a {found}"),
                    None,
                    self.place,
                );
                Vec::new()
            }
        }
    }

    fn dict(&mut self, key: &str) -> Vec<(&'t str, &'t Value)> {
        match self.get(key) {
            None => Vec::new(),
            Some(Value::Dict(items)) => {
                items.iter().filter_map(|(key, value)| Some((key.as_str()?, value))).collect()
            }
            Some(other) => {
                let found = other.type_name();
                let message = format!("`{key}` of `provides` has to be a dictionary, found a {found}");
                self.wrong(message, None, self.place);
                Vec::new()
            }
        }
    }

    fn check_keys(&mut self) {
        for (key, _) in self.table.clone() {
            if let Some((_, help)) = COMPUTED.iter().find(|(name, _)| *name == key) {
                let message = format!("`provides` cannot say `{key}`");
                self.wrong(message, Some((*help).to_owned()), self.place);
            } else if !KEYS.contains(&key) && !WITHOUT_EFFECT.contains(&key) {
                let help = match graph::near(key, KEYS.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it has `{}`", KEYS.join("`, `")),
                };
                self.wrong(format!("`provides` has no `{key}`"), Some(help), self.place);
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        let Some(name) = self.text("name") else {
            self.wrong("`provides` has no `name`".to_owned(), None, self.place);
            return None;
        };
        if let Err(error) = name::parse_name(name) {
            self.wrong(error.to_string(), None, self.place);
            return None;
        }
        Some(name.to_owned())
    }

    fn version(&mut self, analysis: &Analysis<'_>) -> Option<Version> {
        let target = self.target;
        if let Some(field) = target.field("version_from_vcs") {
            if target.field("version").is_some() || self.get("version").is_some() {
                let message = "`version_from_vcs` and a version exclude each other".to_owned();
                self.wrong(message, Some("remove one of them".to_owned()), &field.place);
                return None;
            }
            let (distribution, place) = (target.label.clone(), field.place.clone());
            let text = field.value.as_str().unwrap_or_default();
            let version = TagPattern::parse(text).map(|pattern| {
                (analysis.describe)(&pattern.glob()).map(|described| pattern.version(&described))
            });
            let error = match version {
                Ok(Ok(Ok(version))) => return Some(version),
                Ok(Err(reason)) => DistributionError::Unversioned { distribution, reason, place },
                Ok(Ok(Err(error))) | Err(error) => DistributionError::Tag { distribution, error, place },
            };
            self.errors.push(error.into());
            return None;
        }
        let (text, place) = match target.field("version") {
            Some(field) => (field.value.as_str(), &field.place),
            None => (self.text("version"), self.place),
        };
        let Some(text) = text else {
            let help = "say it by `version`, or have it told by `version_from_vcs = \"v{version}\"`";
            self.wrong("the distribution has no version".to_owned(), Some(help.to_owned()), place);
            return None;
        };
        match text.parse() {
            Ok(version) => Some(version),
            Err(_) => {
                let message = format!("`{text}` is no version: expected one such as `1.2.0` or `2.0rc1`");
                self.wrong(message, None, place);
                None
            }
        }
    }

    fn readme(&mut self) -> Option<Readme> {
        let said = self.text("long_description_content_type").map(ToOwned::to_owned);
        let (text, content_type) = match self.target.str("readme") {
            Some(path) => {
                let content_type = match path.rsplit('.').next() {
                    Some("md" | "markdown") => "text/markdown",
                    Some("rst") => "text/x-rst",
                    _ => "text/plain",
                };
                (ReadmeText::File(path.to_owned()), content_type)
            }
            None => (ReadmeText::Inline(self.text("long_description")?.to_owned()), "text/plain"),
        };
        Some(Readme { text, content_type: said.unwrap_or_else(|| content_type.to_owned()) })
    }

    /// The files of licences, relative to the folder of the target.
    fn license_files(&self) -> Vec<String> {
        let package = self.target.label.package();
        let readme = self.target.str("readme").map(|path| graph::join(package, path));
        let files = self.target.sources.iter().map(|source| &*source.path);
        let files = files.filter(|path| Some(*path) != readme.as_deref());
        files.map(|path| below(package, path).to_owned()).collect()
    }

    fn people(&mut self, name: &str, email: &str) -> Vec<Person> {
        let (name, email) = (self.text(name).map(one_line), self.text(email).map(one_line));
        if name.is_none() && email.is_none() { Vec::new() } else { vec![Person { name, email }] }
    }

    fn keywords(&mut self) -> Vec<String> {
        match self.get("keywords") {
            Some(Value::Str(text)) => {
                let separator = |c: char| c == ',' || !text.contains(',') && c.is_whitespace();
                text.split(separator).map(one_line).filter(|word| !word.is_empty()).collect()
            }
            _ => self.texts("keywords"),
        }
    }

    fn urls(&mut self) -> BTreeMap<String, String> {
        let mut urls = BTreeMap::new();
        for (key, label) in [("url", "Homepage"), ("download_url", "Download")] {
            urls.extend(self.text(key).map(|url| (label.to_owned(), url.to_owned())));
        }
        for (label, url) in self.dict("project_urls") {
            urls.extend(url.as_str().map(|url| (label.to_owned(), url.to_owned())));
        }
        urls
    }

    fn extras(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut extras = BTreeMap::new();
        for (extra, texts) in self.dict("extras_require") {
            let normal = match name::parse_extra(extra) {
                Ok(normal) => normal.to_string(),
                Err(error) => {
                    self.wrong(error.to_string(), None, self.place);
                    continue;
                }
            };
            let mut requirements = Vec::new();
            for text in texts.as_list().unwrap_or_default().iter().filter_map(Value::as_str) {
                match text.parse::<Requirement>() {
                    Ok(requirement) => requirements.push(requirement.text().to_owned()),
                    Err(error) => self.wrong(error.to_string(), error.help(), self.place),
                }
            }
            requirements.sort();
            extras.insert(normal, requirements);
        }
        extras
    }

    fn entry_points(&mut self, analysis: &Analysis<'_>) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut groups: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (group, name, text, place) in entry_texts(self.target) {
            let package = self.target.label.package();
            let target = match program_of(analysis.graph, &text, package) {
                Some(program) => function_of(program, analysis).unwrap_or_default(),
                None => text.clone(),
            };
            let readable = |part: &str| !part.is_empty() && !part.contains(['\n', '\r', '[', ']', '=']);
            if !readable(&name) || !is_object(&target, &group) {
                let message = format!("`{name} = {text}` is no entry point");
                let help = "write it as in `module:function`, or name a python_binary that starts a function";
                self.wrong(message, Some(help.to_owned()), &place);
                continue;
            }
            let before = groups.entry(group).or_default().insert(name.clone(), target.clone());
            if before.is_some_and(|before| before != target) {
                self.wrong(format!("the entry point `{name}` is there twice"), None, &place);
            }
        }
        groups
    }
}

/// What a program starts, where that is a function.
fn function_of(program: &Target, analysis: &Analysis<'_>) -> Option<String> {
    let entry = EntryPoint::parse(program.str("entry_point")?)?;
    let module = match entry.code {
        Code::Module(module) => module.to_owned(),
        Code::File(file) => module_of_file(program, file, analysis.roots)?,
    };
    Some(format!("{module}:{}", entry.attribute?))
}

/// Whether a text names something in a module: scripts need that, what plugins are found by may be a module.
fn is_object(text: &str, group: &str) -> bool {
    let object = text.split_once('[').map_or(text, |(object, _)| object).trim();
    let entry = EntryPoint::parse(object).filter(|entry| matches!(entry.code, Code::Module(_)));
    let script = matches!(group, "console_scripts" | "gui_scripts");
    entry.is_some_and(|entry| entry.attribute.is_some() || !script)
}

/// A path relative to a folder above it.
pub(super) fn below<'p>(package: &str, path: &'p str) -> &'p str {
    if package.is_empty() { path } else { path.get(package.len() + 1..).unwrap_or(path) }
}
