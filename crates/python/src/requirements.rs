//! Requirements of targets: those that are written in BUILD files, and those that files of requirements generate.

use std::io;

use graph::{Edge, EdgeKind, Field, Label, Place, Target, Value, schema};
use packaging::pyproject;
use packaging::requirement::Requirement;
use packaging::requirement_file::{self, Listed};

use crate::closure::Wish;
use crate::error::RuleError;

/// The rule that one requirement is a target of.
pub(crate) const REQUIREMENT: &str = "python_requirement";
/// The rule whose targets generate them.
const REQUIREMENTS: &str = "python_requirements";

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

/// Adds the targets that files of requirements generate, one for each project, such as `//3rdparty:reqs#flask`, and
/// the edges from their generators. `read` gives the bytes of a file below the root.
///
/// All that cannot be read is given beside what can.
pub fn expand(
    mut targets: Vec<Target>,
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> (Vec<Target>, Vec<Edge>, Vec<RuleError>) {
    let (mut edges, mut errors) = (Vec::new(), Vec::new());
    let mut generated = Vec::new();
    for generator in targets.iter().filter(|target| target.rule.name == REQUIREMENTS) {
        let Some(source) = generator.sources.first() else { continue };
        let listed = if source.path.ends_with(".toml") {
            from_pyproject(generator, &source.path, read, &mut errors)
        } else {
            let (file, wrong) = requirement_file::parse(&source.path, read);
            errors.extend(wrong.into_iter().map(|error| RuleError::RequirementFile {
                code: error.code(),
                message: error.fault.to_string(),
                help: error.help(),
                place: Place::new(&*error.file, error.place.line, error.place.column),
            }));
            file.requirements
        };
        for target in generate(generator, &listed) {
            edges.push(Edge {
                from: generator.label.clone(),
                to: target.label.clone(),
                kind: EdgeKind::Owns,
                place: None,
            });
            generated.push(target);
        }
    }
    targets.append(&mut generated);
    (targets, edges, errors)
}

/// The dependencies of a `pyproject.toml`: those of the project, of its extras, and of its dependency groups.
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
    let (dependencies, wrong) = pyproject::dependencies(path, &text);
    errors.extend(wrong.into_iter().map(|error| RuleError::RequirementFile {
        code: error.code(),
        message: error.fault.to_string(),
        help: error.help(),
        place: Place::new(&*error.file, error.place.line, error.place.column),
    }));
    dependencies.into_iter().map(|dependency| dependency.listed).collect()
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
        fields.extend(generator.field("resolve").cloned());
        targets.push(Target { label, rule, fields, place, sources: Vec::new() });
    }
    targets
}
