//! Requirements of targets: those that are written in BUILD files, and those that files of requirements generate.

use std::io;

use graph::{Edge, EdgeKind, Field, Label, Place, RuleSchema, Target, Value, schema};
use packaging::pyproject::{self, Group};
use packaging::requirement::Requirement;
use packaging::requirement_file::{self, Listed};

use crate::closure::Wish;
use crate::error::RuleError;

/// The rule that one requirement is a target of.
pub(crate) const REQUIREMENT: &str = "python_requirement";
/// The rules whose targets generate them.
const REQUIREMENTS: [&str; 2] = ["python_requirements", POETRY];
/// The one of them that reads the tables of Poetry.
const POETRY: &str = "poetry_requirements";
/// The rule that a program is a target of.
const BINARY: &str = "python_binary";
/// The rule whose targets generate them.
const BINARIES: &str = "pex_binaries";

/// What a requirement target asks for, and what of it cannot be read.
pub fn wishes(target: &Target) -> (Vec<Wish>, Vec<RuleError>) {
    let (mut wishes, mut errors) = (Vec::new(), Vec::new());
    let Some(field) = target.field("requirements") else { return (wishes, errors) };
    for (index, text) in target.list("requirements").into_iter().enumerate() {
        let place = field.item_place(index).clone();
        match text.parse::<Requirement>() {
            Ok(requirement) => wishes.push(Wish { requirement, label: target.label.clone(), place }),
            Err(error) => errors.push(RuleError::Requirement { error, place }),
        }
    }
    (wishes, errors)
}

/// The resolve that a target is in.
pub fn resolve_of<'a>(target: &'a Target, default: &'a str) -> &'a str {
    target.str("resolve").unwrap_or(default)
}

/// Whether a target generates requirements from a file.
pub fn generates_requirements(target: &Target) -> bool {
    REQUIREMENTS.contains(&target.rule.name)
}

/// Puts what `overrides` of a generator say of one of its targets in the place of what it has.
fn override_fields(
    generator: &Target,
    rule: &'static RuleSchema,
    is_meant: &dyn Fn(&str) -> bool,
    fields: &mut Vec<Field>,
) {
    let Some(overrides) = generator.field("overrides") else { return };
    let Value::Dict(all) = &overrides.value else { return };
    for (index, (key, own)) in all.iter().enumerate() {
        let (true, Value::Dict(own)) = (key.as_str().is_some_and(is_meant), own) else { continue };
        for (name, value) in own {
            let Some(schema) = name.as_str().and_then(|name| rule.field(name)) else { continue };
            fields.retain(|field| field.name != schema.name);
            let place = overrides.item_place(index).clone();
            fields.push(Field { name: schema.name, value: value.clone(), place, items: Vec::new() });
        }
    }
    fields.sort_by_key(|field| rule.fields.iter().position(|schema| schema.name == field.name));
}

/// The programs that a target with several entry points generates.
fn programs(generator: &Target) -> Vec<Target> {
    let rule = schema(BINARY).expect("the rule has a schema");
    let Some(entry_points) = generator.field("entry_points") else { return Vec::new() };
    let program = |(index, entry): (usize, &str)| {
        let shared = generator.fields.iter().filter(|field| !["name", "overrides"].contains(&field.name));
        let mut fields: Vec<Field> =
            shared.filter(|field| rule.field(field.name).is_some()).cloned().collect();
        let place = entry_points.item_place(index).clone();
        let (value, items) = (Value::from(entry), Vec::new());
        fields.push(Field { name: "entry_point", value, place: place.clone(), items });
        override_fields(generator, rule, &|own| own == entry, &mut fields);
        fields.sort_by_key(|field| rule.fields.iter().position(|schema| schema.name == field.name));
        let label = generator.label.with_generated(entry.replace(':', "-"));
        Target { label, rule, fields: fields.into(), place, sources: Vec::new() }
    };
    generator.list("entry_points").into_iter().enumerate().map(program).collect()
}

/// Adds the targets that others generate: programs of `pex_binaries`, and those that files of requirements generate, one for each project, such as `//3rdparty:reqs#flask`, and
/// the edges from their generators. `read` gives the bytes of a file below the root.
///
/// All that cannot be read is given beside what can.
pub fn expand(
    mut targets: Vec<Target>,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> (Vec<Target>, Vec<Edge>, Vec<RuleError>) {
    let (mut edges, mut errors) = (Vec::new(), Vec::new());
    let mut generated = Vec::new();
    let owns = |generator: &Target, target: &Target| Edge {
        from: generator.label.clone(),
        to: target.label.clone(),
        kind: EdgeKind::Owns,
        place: None,
    };
    for generator in targets.iter().filter(|target| target.rule.name == BINARIES) {
        let programs = programs(generator);
        edges.extend(programs.iter().map(|program| owns(generator, program)));
        generated.extend(programs);
    }
    for generator in targets.iter().filter(|target| generates_requirements(target)) {
        let Some(source) = generator.sources.first() else { continue };
        let listed = if is_other_format(&source.path) {
            errors.push(not_read(generator, &source.path));
            continue;
        } else if generator.rule.name == POETRY || source.path.ends_with(".toml") {
            from_pyproject(generator, &source.path, read, &mut errors)
        } else {
            let (file, wrong) = requirement_file::parse(&source.path, read);
            errors.extend(wrong.into_iter().map(|error| RuleError::RequirementFile {
                code: error.code(),
                message: error.fault.to_string(),
                help: error.help(),
                place: Place::new(&*error.file, error.place.line, error.place.column),
            }));
            errors.extend(FROM_PYPROJECT.iter().filter_map(|name| no_groups(generator, name, &source.path)));
            file.requirements
        };
        for target in generate(generator, &listed) {
            edges.push(owns(generator, &target));
            generated.push(target);
        }
    }
    targets.append(&mut generated);
    (targets, edges, errors)
}

/// The fields that only a `pyproject.toml` has something for.
const FROM_PYPROJECT: [&str; 2] = ["extras", "groups"];

/// Whether a file is of a kind that holds requirements in a form of its own.
fn is_other_format(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock"].contains(&name)
        || ["cfg", "json", "py", "yaml", "yml"].contains(&extension)
}

fn not_read(generator: &Target, path: &str) -> RuleError {
    RuleError::RequirementFile {
        code: "python::requirements_format",
        message: format!("`{path}` is not read: expected a requirements file or a `pyproject.toml`"),
        help: Some("write what it asks for into one of them".to_owned()),
        place: generator.field("source").map_or(&generator.place, |field| &field.place).clone(),
    }
}

/// The error for a field that a file of requirements has nothing for.
fn no_groups(generator: &Target, name: &str, path: &str) -> Option<RuleError> {
    let field = generator.field(name).filter(|_| !generator.list(name).is_empty())?;
    Some(RuleError::RequirementFile {
        code: "python::unknown_group",
        message: format!("`{path}` has no {name}; only a `pyproject.toml` has"),
        help: Some(format!("remove `{name}`")),
        place: field.place.clone(),
    })
}

/// The extras or groups that a generator names, and errors for those that the file has not.
fn chosen(generator: &Target, path: &str, groups: &[Group], errors: &mut Vec<RuleError>) -> Vec<Group> {
    let mut chosen = vec![Group::Project];
    for name in FROM_PYPROJECT {
        let kind = |group: &&Group| matches!(group, Group::Extra(_)) == (name == "extras");
        let known: Vec<String> = groups.iter().filter(kind).map(ToString::to_string).collect();
        let Some(field) = generator.field(name) else { continue };
        for (index, text) in generator.list(name).into_iter().enumerate() {
            let normal = packaging::name::parse_name(text).map(|name| name.to_string());
            let wanted = |group: &&Group| normal.as_ref().is_ok_and(|normal| group.to_string() == *normal);
            if let Some(group) = groups.iter().filter(kind).find(wanted) {
                chosen.push(group.clone());
                continue;
            }
            let near = graph::near_all(text, known.iter().map(String::as_str));
            let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let all: Vec<&str> = known.iter().map(String::as_str).collect();
            errors.push(RuleError::RequirementFile {
                code: "python::unknown_group",
                message: format!("`{path}` has no {} `{text}`", name.trim_end_matches('s')),
                help: match (near.is_empty(), known.is_empty()) {
                    (false, _) => Some(format!("did you mean {}?", quoted(&near).join(" or "))),
                    (true, false) => Some(format!("its {name} are {}", quoted(&all).join(", "))),
                    (true, true) => Some(format!("it has no {name}")),
                },
                place: field.item_place(index).clone(),
            });
        }
    }
    chosen
}

/// The dependencies of a `pyproject.toml`: those of the project, and of the extras and groups that are named.
fn from_pyproject(
    generator: &Target,
    path: &str,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    errors: &mut Vec<RuleError>,
) -> Vec<Listed> {
    let unreadable = |message: String| RuleError::RequirementFile {
        code: "python::unreadable_requirements",
        message,
        help: None,
        place: generator.place.clone(),
    };
    let text = match read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            errors.push(unreadable(format!("`{path}` is not UTF-8")));
            return Vec::new();
        }
        Err(error) => {
            errors.push(unreadable(format!("cannot read `{path}`: {error}")));
            return Vec::new();
        }
    };
    let wrong_before = errors.len();
    let of_poetry = generator.rule.name == POETRY;
    let read = if of_poetry { pyproject::poetry_dependencies } else { pyproject::dependencies };
    let (dependencies, wrong) = read(path, &text);
    errors.extend(wrong.into_iter().map(|error| RuleError::RequirementFile {
        code: error.code(),
        message: error.fault.to_string(),
        help: error.help(),
        place: Place::new(&*error.file, error.place.line, error.place.column),
    }));
    if wrong_before < errors.len() {
        return Vec::new();
    }
    let chosen = chosen(generator, path, &dependencies.groups, errors);
    let wanted = dependencies.requirements.into_iter().filter(|one| of_poetry || chosen.contains(&one.group));
    wanted.map(|dependency| dependency.listed).collect()
}

/// A target for each project of a list; what is asked of one project in several lines is one target.
fn generate(generator: &Target, listed: &[Listed]) -> Vec<Target> {
    let rule = schema(REQUIREMENT).expect("the rule has a schema");
    let mapping = generator.dict_of_lists("module_mapping");
    let mut targets: Vec<Target> = Vec::new();
    for one in listed {
        let name = one.requirement.name.to_string();
        let label: Label = generator.label.with_generated(name.as_str());
        let place = Place::new(&*one.file, one.place.line, one.place.column);
        let place = place.wide(u32::try_from(one.requirement.text().chars().count()).unwrap_or(1));
        let text = Value::Str(one.requirement.text().to_owned());
        if let Some(target) = targets.iter_mut().find(|target| target.label == label) {
            let field = &mut target.fields[0];
            if let Value::List(items) = &mut field.value
                && !items.contains(&text)
            {
                items.push(text);
                field.items.push(place);
            }
            continue;
        }
        let requirements = Field {
            name: "requirements",
            value: Value::List(vec![text]),
            place: place.clone(),
            items: vec![place.clone()],
        };
        let mut fields = vec![requirements];
        let normal = |text: &str| packaging::name::parse_name(text).map(|name| name.to_string()).ok();
        if let Some((_, modules)) =
            mapping.iter().find(|(project, _)| normal(project).as_ref() == Some(&name))
        {
            let modules =
                Value::List(modules.iter().map(|module| Value::Str((*module).to_owned())).collect());
            fields.push(Field { name: "modules", value: modules, place: place.clone(), items: Vec::new() });
        }
        let inherited = ["resolve", "interpreter_constraints"];
        fields.extend(inherited.iter().filter_map(|name| generator.field(name).cloned()));
        override_fields(generator, rule, &|own| normal(own).as_ref() == Some(&name), &mut fields);
        targets.push(Target { label, rule, fields: fields.into(), place, sources: Vec::new() });
    }
    targets
}
