//! What a program is built for: interpreters and platforms, from its fields, the configuration, the lock and the machine.

use graph::{Place, Target};
use packaging::constraints::{InterpreterConstraint, InterpreterConstraints};
use packaging::interpreter::Interpreter;
use packaging::lock::Lock;
use packaging::platform::{CURRENT, Machine, Platform};
use packaging::python::Wanted;
use packaging::target::Target as Configuration;

use crate::error::RuleError;

/// What the configuration says for all programs that do not say otherwise.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[python] interpreters`.
    pub interpreters: Option<Vec<String>>,
    /// `[python] platforms`.
    pub platforms: Vec<String>,
    /// The machine that stands for `current`.
    pub machine: Machine,
    /// The resolve of targets that name none.
    pub default_resolve: String,
}

/// The interpreters of this machine.
pub trait Interpreters {
    /// The first that is what is wanted.
    fn find(&self, wanted: Wanted) -> Option<Interpreter>;

    /// The newest that the constraints accept.
    fn newest(&self, constraints: &InterpreterConstraints) -> Option<Interpreter>;

    /// All of them.
    fn all(&self) -> Vec<Interpreter>;
}

/// What one file is built for: one configuration, unless several share the file.
pub type Shared = Vec<Configuration>;

/// The configurations of a program, grouped by the file that they get.
///
/// A platform called `current` needs its interpreter on this machine, so that a missing one is known before it is
/// missed; a platform that is named does not.
///
/// # Errors
/// Everything that cannot be read, that the program's own constraints exclude, or that the machine lacks.
pub fn configurations(
    program: &Target,
    settings: &Settings,
    constraints: &InterpreterConstraints,
    lock: Option<&Lock>,
    interpreters: &dyn Interpreters,
) -> Result<Vec<Shared>, Vec<RuleError>> {
    let mut errors = Vec::new();
    let wanted = wanted(program, settings, constraints, lock, interpreters, &mut errors);
    let platforms = platforms(program, settings, &mut errors);
    for (field, is_empty) in [("interpreters", wanted.is_empty()), ("platforms", platforms.is_empty())] {
        if is_empty && errors.is_empty() {
            let place = program.field(field).map_or(&program.place, |field| &field.place).clone();
            errors.push(RuleError::BuiltForNothing { label: program.label.clone(), field, place });
        }
    }
    for (wanted, place) in &wanted {
        let excluded = !constraints.accepts_minor(wanted.minor);
        if excluded {
            errors.push(RuleError::Excluded {
                label: program.label.clone(),
                wanted: *wanted,
                constraints: constraints.to_string(),
                place: place.clone(),
            });
        } else if platforms.iter().any(|(_, is_current)| *is_current) && interpreters.find(*wanted).is_none()
        {
            errors.push(RuleError::NoInterpreter {
                wanted: wanted.to_string(),
                label: program.label.clone(),
                found: interpreters.all(),
                place: place.clone(),
            });
        }
    }
    let shared = program.bool_or_default("multi_platform");
    if !shared {
        errors.extend(same_minor(program, &wanted));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut all: Vec<Configuration> = (wanted.iter())
        .flat_map(|(wanted, _)| platforms.iter().map(|(platform, _)| Configuration::new(*wanted, *platform)))
        .collect();
    all.sort_unstable();
    all.dedup();
    Ok(if shared { vec![all] } else { all.into_iter().map(|one| vec![one]).collect() })
}

/// The Pythons that would get the file of another one, which differs in the third number alone.
fn same_minor(program: &Target, wanted: &[(Wanted, Option<Place>)]) -> Vec<RuleError> {
    let same = |one: &Wanted, other: &Wanted| {
        one.minor == other.minor && one.free_threaded == other.free_threaded && one != other
    };
    let clashes = wanted.iter().enumerate().filter_map(|(index, (second, place))| {
        let (first, _) = wanted[..index].iter().find(|(first, _)| same(first, second))?;
        let (label, place) = (program.label.clone(), place.clone());
        Some(RuleError::SameMinor { label, first: *first, second: *second, place })
    });
    clashes.collect()
}

/// The Pythons to build for, each with the place that is to blame for it; none in the configuration.
fn wanted(
    program: &Target,
    settings: &Settings,
    constraints: &InterpreterConstraints,
    lock: Option<&Lock>,
    interpreters: &dyn Interpreters,
    errors: &mut Vec<RuleError>,
) -> Vec<(Wanted, Option<Place>)> {
    let read = |text: &str, place: Option<&Place>, errors: &mut Vec<RuleError>| match text.parse::<Wanted>() {
        Ok(wanted) => Some((wanted, place.cloned())),
        Err(error) => {
            errors.push(RuleError::Python { error, place: place.cloned() });
            None
        }
    };
    if let Some(field) = program.field("interpreters") {
        let texts = program.list("interpreters").into_iter().enumerate();
        return texts.filter_map(|(index, text)| read(text, Some(field.item_place(index)), errors)).collect();
    }
    let fits = |wanted: &&Wanted| constraints.accepts_minor(wanted.minor);
    if let Some(texts) = &settings.interpreters {
        let all: Vec<_> = texts.iter().filter_map(|text| read(text, None, errors)).collect();
        let fitting: Vec<_> = all.iter().filter(|(wanted, _)| fits(&wanted)).cloned().collect();
        // A resolve for other Pythons than those of the repository has interpreters of its own, in its lock.
        let has_own = lock.is_some_and(|lock| lock.interpreters.iter().any(|wanted| fits(&wanted)));
        if !fitting.is_empty() || !has_own {
            return if fitting.is_empty() { all } else { fitting };
        }
    }
    let locked: Vec<Wanted> =
        lock.map_or_else(Vec::new, |lock| lock.interpreters.iter().filter(fits).copied().collect());
    if !locked.is_empty() {
        return locked.into_iter().map(|wanted| (wanted, Some(program.place.clone()))).collect();
    }
    let constraints = &lock.map_or_else(|| constraints.clone(), |lock| within(constraints, lock));
    match interpreters.newest(constraints) {
        Some(newest) => {
            let free_threaded = newest.abi.free_threaded;
            let wanted = Wanted { free_threaded, ..Wanted::minor(newest.minor()) };
            vec![(wanted, Some(program.place.clone()))]
        }
        None => {
            let wanted = constraints.to_string();
            errors.push(RuleError::NoInterpreter {
                wanted,
                label: program.label.clone(),
                found: interpreters.all(),
                place: Some(program.place.clone()),
            });
            Vec::new()
        }
    }
}

/// Constraints that hold for a lock as well, which may record no interpreter, but the versions that it is for.
fn within(constraints: &InterpreterConstraints, lock: &Lock) -> InterpreterConstraints {
    let (ours, theirs) = (constraints.alternatives(), lock.interpreter_constraints.alternatives());
    if ours.is_empty() {
        return lock.interpreter_constraints.clone();
    }
    let both = |one: &InterpreterConstraint| {
        let also = |other: &InterpreterConstraint| format!("{one},{}", other.specifiers).parse().ok();
        theirs.iter().filter_map(also).collect::<Vec<_>>()
    };
    let all: Vec<InterpreterConstraint> = ours.iter().flat_map(both).collect();
    if all.is_empty() { constraints.clone() } else { all.into() }
}

/// The platforms to build for, each with whether it is the machine's own.
fn platforms(program: &Target, settings: &Settings, errors: &mut Vec<RuleError>) -> Vec<(Platform, bool)> {
    let field = program.field("platforms");
    let texts: Vec<&str> = match field {
        Some(_) => program.list("platforms"),
        None => settings.platforms.iter().map(String::as_str).collect(),
    };
    let mut platforms = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        match Platform::resolve(text, &settings.machine) {
            Ok(platform) => platforms.push((platform, text == CURRENT)),
            Err(error) => {
                let place = field.map(|field| field.item_place(index).clone());
                errors.push(RuleError::Platform { error, place });
            }
        }
    }
    platforms
}

/// The interpreter constraints of a program: its own, else those of its resolve.
///
/// # Errors
/// All that cannot be read.
pub fn constraints(
    program: &Target,
    of_resolve: &[String],
) -> Result<InterpreterConstraints, Vec<RuleError>> {
    let field = program.field("interpreter_constraints");
    let texts: Vec<&str> = match field {
        Some(_) => program.list("interpreter_constraints"),
        None => of_resolve.iter().map(String::as_str).collect(),
    };
    let place = field.map(|field| field.place.clone());
    InterpreterConstraints::parse(&texts).map_err(|errors| {
        errors.into_iter().map(|error| RuleError::Constraint { error, place: place.clone() }).collect()
    })
}
