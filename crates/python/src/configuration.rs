//! What a program is built for: interpreters and platforms, from its fields, the configuration, the lock and the machine.

use std::collections::BTreeSet;

use graph::{Place, Target, TargetGraph};
use packaging::constraints::InterpreterConstraints;
use packaging::interpreter::Interpreter;
use packaging::lock::Lock;
use packaging::named_platform::NamedPlatform;
use packaging::platform::{Machine, Platform};
use packaging::python::Wanted;
use packaging::target::Target as Configuration;

use crate::bounds::Bounds;
use crate::error::RuleError;
use crate::platforms::{self, PlatformFiles};

/// What the configuration says for all programs that do not say otherwise.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[python] interpreters`.
    pub interpreters: Option<Vec<String>>,
    /// `[python] platforms`.
    pub platforms: Vec<String>,
    /// The complete-platform files that programs and the configuration name.
    pub platform_files: PlatformFiles,
    /// The machine that stands for `current`.
    pub machine: Machine,
    /// The resolve of targets that name none.
    pub default_resolve: String,
}

/// The interpreters of this machine.
pub trait Interpreters {
    /// The first that is what is wanted.
    fn find(&self, wanted: Wanted) -> Option<Interpreter>;

    /// The newest that all constraints accept.
    fn newest(&self, constraints: &[&InterpreterConstraints]) -> Option<Interpreter>;

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
/// Everything that cannot be read, that the constraints of the closure exclude, or that the machine lacks.
pub fn configurations(
    (graph, program): (&TargetGraph, &Target),
    settings: &Settings,
    bounds: &Bounds<'_>,
    lock: Option<&Lock>,
    interpreters: &dyn Interpreters,
) -> Result<Vec<Shared>, Vec<RuleError>> {
    if let Some(contradiction) = bounds.contradiction() {
        return Err(vec![contradiction]);
    }
    let (asked, mut errors) = platforms::asked(graph, program, settings);
    let (mut platforms, mut whole) = (Vec::new(), Vec::new());
    for one in asked {
        match one.named {
            NamedPlatform::Platform(platform) => platforms.push((platform, one.is_current)),
            NamedPlatform::Target(target) => whole.push((target, one.place)),
        }
    }
    // Platforms that bring their interpreters leave nothing to ask for another.
    let alone = platforms.is_empty() && !whole.is_empty();
    let wanted =
        if alone { Vec::new() } else { wanted(program, settings, bounds, lock, interpreters, &mut errors) };
    let none = [("interpreters", wanted.is_empty()), ("platforms", platforms.is_empty())];
    for (field, is_empty) in none.into_iter().filter(|_| !alone) {
        if is_empty && errors.is_empty() {
            let place = program.field(field).map_or(&program.place, |field| &field.place).clone();
            errors.push(RuleError::BuiltForNothing { label: program.label.clone(), field, place });
        }
    }
    let brought: Vec<_> = whole.iter().map(|(target, place)| (python(target), place.clone())).collect();
    errors.extend(bounds.excluded("platforms", &brought));
    errors.extend(bounds.excluded("interpreters", &wanted));
    if platforms.iter().any(|(_, is_current)| *is_current) {
        let missing =
            |(wanted, _): &&(Wanted, _)| bounds.accept(*wanted) && interpreters.find(*wanted).is_none();
        errors.extend(wanted.iter().filter(missing).map(|(wanted, place)| RuleError::NoInterpreter {
            wanted: wanted.to_string(),
            label: program.label.clone(),
            found: interpreters.all(),
            place: place.clone(),
        }));
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
        .chain(whole.into_iter().map(|(target, _)| target))
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

/// The configurations that tests run under: the Pythons that they are for, on this machine.
///
/// # Errors
/// Those of [`configurations`].
pub(crate) fn here(
    program: &Target,
    settings: &Settings,
    bounds: &Bounds<'_>,
    lock: Option<&Lock>,
    interpreters: &dyn Interpreters,
) -> Result<Vec<Configuration>, Vec<RuleError>> {
    if let Some(contradiction) = bounds.contradiction() {
        return Err(vec![contradiction]);
    }
    let platform = Platform::current(&settings.machine);
    let platform =
        platform.map_err(|error| vec![RuleError::Platform { error: error.into(), place: None }])?;
    let mut errors = Vec::new();
    let wanted = wanted(program, settings, bounds, lock, interpreters, &mut errors);
    errors.extend(bounds.excluded("interpreters", &wanted));
    let missing = |(wanted, _): &&(Wanted, _)| bounds.accept(*wanted) && interpreters.find(*wanted).is_none();
    errors.extend(wanted.iter().filter(missing).map(|(wanted, place)| RuleError::NoInterpreter {
        wanted: wanted.to_string(),
        label: program.label.clone(),
        found: interpreters.all(),
        place: place.clone(),
    }));
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut all: Vec<Configuration> =
        wanted.iter().map(|(wanted, _)| Configuration::new(*wanted, platform)).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Those of these whose Python this machine has, the oldest first: whoever works with something needs no others.
///
/// # Errors
/// Those of [`here`], where it has none.
pub(crate) fn found_here(
    program: &Target,
    settings: &Settings,
    bounds: &Bounds<'_>,
    lock: Option<&Lock>,
    interpreters: &dyn Interpreters,
) -> Result<Vec<Configuration>, Vec<RuleError>> {
    let mut errors = Vec::new();
    let wanted = wanted(program, settings, bounds, lock, interpreters, &mut errors);
    let accepted = wanted.iter().map(|(wanted, _)| *wanted).filter(|wanted| bounds.accept(*wanted));
    let found = accepted.filter(|wanted| interpreters.find(*wanted).is_some());
    let found: BTreeSet<Wanted> = found.collect();
    match Platform::current(&settings.machine) {
        Ok(platform) if errors.is_empty() && !found.is_empty() => {
            Ok(found.into_iter().map(|wanted| Configuration::new(wanted, platform)).collect())
        }
        _ => here(program, settings, bounds, lock, interpreters),
    }
}

/// The newest Python of this machine that the bounds and the lock of a tool accept: on which of them it runs does not matter.
///
/// # Errors
/// Where there is none.
pub(crate) fn newest_here(
    program: &Target,
    settings: &Settings,
    bounds: &Bounds<'_>,
    lock: &Lock,
    interpreters: &dyn Interpreters,
) -> Result<Configuration, Vec<RuleError>> {
    let platform = Platform::current(&settings.machine);
    let platform =
        platform.map_err(|error| vec![RuleError::Platform { error: error.into(), place: None }])?;
    let fits = |wanted: &Wanted| bounds.accept(*wanted) && interpreters.find(*wanted).is_some();
    let locked = lock.interpreters.iter().copied().filter(fits).max();
    let newest = || {
        let mut constraints = bounds.constraints();
        constraints.push(&lock.interpreter_constraints);
        let newest = interpreters.newest(&constraints)?;
        Some(Wanted { free_threaded: newest.abi.free_threaded, ..Wanted::minor(newest.minor()) })
    };
    // A lock that names its interpreters was not made for others.
    let found = if lock.interpreters.is_empty() { newest() } else { locked };
    let wanted = found.ok_or_else(|| {
        let names: Vec<String> = lock.interpreters.iter().map(ToString::to_string).collect();
        vec![RuleError::NoInterpreter {
            wanted: if names.is_empty() { bounds.text() } else { names.join(" or ") },
            label: program.label.clone(),
            found: interpreters.all(),
            place: Some(program.place.clone()),
        }]
    })?;
    Ok(Configuration::new(wanted, platform))
}

/// The Pythons to build for, each with the place that is to blame for it; none in the configuration.
fn wanted(
    program: &Target,
    settings: &Settings,
    bounds: &Bounds<'_>,
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
    let fits = |wanted: &&Wanted| bounds.accept(**wanted);
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
    let mut constraints = bounds.constraints();
    // A lock may record no interpreter, but the versions that it is for.
    constraints.extend(lock.map(|lock| &lock.interpreter_constraints));
    match interpreters.newest(&constraints) {
        Some(newest) => {
            let free_threaded = newest.abi.free_threaded;
            let wanted = Wanted { free_threaded, ..Wanted::minor(newest.minor()) };
            vec![(wanted, Some(program.place.clone()))]
        }
        None => {
            errors.push(RuleError::NoInterpreter {
                wanted: bounds.text(),
                label: program.label.clone(),
                found: interpreters.all(),
                place: Some(program.place.clone()),
            });
            Vec::new()
        }
    }
}

/// The Python of a target, as it would be asked for.
fn python(target: &Configuration) -> Wanted {
    Wanted { minor: target.minor(), micro: target.micro, free_threaded: target.abi.free_threaded }
}
