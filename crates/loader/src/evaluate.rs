//! Parses and evaluates one file within its bounds; it does not know where the file comes from.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use graph::{Place, near_all, schema};
use starlark::environment::{FrozenModule, Module};
use starlark::eval::{Evaluator, FileLoader};
use starlark::syntax::{AstModule, Dialect};
use starlark::{Error, ErrorKind};

use crate::advice;
use crate::context::{Context, Gathered};
use crate::defaults::Defaults;
use crate::dialect::{MixedTabs, Origin, translate};
use crate::error::{LoadError, Problem};
use crate::foreign;
use crate::globals::globals;
use crate::memory::Scope;
use crate::nesting;
use crate::options::{Limits, Options};
use crate::places::{Calls, Load, Origins, loads};
use crate::sources::Sources;
use crate::values::Unknown;

/// How many unknown names of one file are told.
const MOST_UNKNOWN: usize = 20;

/// How many steps the evaluator takes before it asks whether to go on.
const STEPS_BETWEEN_LOOKS: u64 = 1000;
/// What the evaluator's error says when it was told not to go on, as [`sentence`] has it.
const OUT_OF_STEPS: &str = "evaluation cancelled";

/// A file that is parsed.
pub(crate) struct Parsed {
    pub(crate) file: Arc<str>,
    pub(crate) text: String,
    pub(crate) loads: Vec<Load>,
    /// What its text was made of, where it was rewritten.
    pub(crate) origin: Option<Arc<Origin>>,
    calls: Calls,
}

/// What an evaluation gives: what it gathered, and the module if it went well.
pub(crate) struct Evaluated {
    pub(crate) gathered: Gathered,
    pub(crate) module: Option<FrozenModule>,
}

/// What a file can use of other files.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The files that it loads, by the text of its `load`.
    pub(crate) modules: BTreeMap<String, FrozenModule>,
    /// Those whose names it has without that.
    pub(crate) prelude: Vec<FrozenModule>,
    /// What those files were made of.
    pub(crate) origins: Origins,
}

/// What a file is evaluated as.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'d> {
    /// Others load it: it can have no targets.
    Module,
    /// A BUILD file, with what directories above say about fields that are not given.
    Build(&'d Defaults),
}

/// Parses a file, after a look at its depth.
pub(crate) fn parse(file: &Arc<str>, text: String, limits: Limits) -> Result<Parsed, LoadError> {
    if let Err(found) = nesting::check(&text, limits.nesting) {
        let place = Place::new(file.clone(), found.line, found.column);
        return Err(Problem::TooDeep { limit: limits.nesting }.at(place));
    }
    let (text, origin) = rewritten(file, text, limits)?;
    let mut origins = Origins::default();
    origins.add(file, origin.as_ref());
    guarded(file, limits, || {
        let ast = ast(file, &text).map_err(|error| told(file, limits, &origins, &error))?;
        Ok((loads(&ast, file, &origins), Calls::of(&ast)))
    })
    .map(|(loads, calls)| Parsed { file: file.clone(), text, loads, origin, calls })
}

/// The text as Starlark has it. What is rewritten is looked at once more, since it may be deeper.
fn rewritten(
    file: &Arc<str>,
    text: String,
    limits: Limits,
) -> Result<(String, Option<Arc<Origin>>), LoadError> {
    let written = text.clone();
    let translated = translate(text).map_err(|MixedTabs(at)| {
        let before = &written[..at];
        let line = before.rsplit('\n').next().unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX - 1) + 1;
        let place =
            Place::new(file.clone(), number(before.matches('\n').count()), number(line.chars().count()));
        Problem::MixedTabs.at(place)
    })?;
    if let Some(origin) = &translated.origin
        && let Err(found) = nesting::check(&translated.text, limits.nesting)
    {
        let place = origin.place(file, found.offset, found.offset + 1);
        return Err(Problem::TooDeep { limit: limits.nesting }.at(place));
    }
    Ok((translated.text, translated.origin))
}

/// Evaluates a file.
pub(crate) fn evaluate(
    parsed: &Parsed,
    package: &Arc<str>,
    purpose: Purpose<'_>,
    loaded: &Loaded,
    sources: &Sources<'_>,
    options: &Options,
) -> Evaluated {
    let limits = options.limits;
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    let mut told_before = Vec::new();
    // Names that nothing is near to: whoever wrote them may know more than is known here.
    let mut others: Vec<(String, LoadError)> = Vec::new();
    let mut origins = loaded.origins.clone();
    origins.add(&parsed.file, parsed.origin.as_ref());
    loop {
        let gathered = match purpose {
            Purpose::Module => Gathered::default(),
            Purpose::Build(defaults) => Gathered { defaults: defaults.clone(), ..Gathered::default() },
        };
        let context = Context {
            file: parsed.file.clone(),
            package: package.clone(),
            module: matches!(purpose, Purpose::Module),
            calls: &parsed.calls,
            origins: &origins,
            sources,
            unmatched: options.unmatched,
            variables: &options.variables,
            gathered: RefCell::new(gathered),
        };
        let outcome = guarded(&parsed.file, limits, || run(parsed, &context, loaded, &unknown, limits));
        let mut gathered = context.gathered.into_inner();
        match outcome {
            Ok(Ok(frozen)) => {
                // Where something is called that nobody knows, other names may be for that.
                if !gathered.unknown.is_empty() {
                    others.clear();
                }
                told_before.extend(others.into_iter().map(|(_, error)| error));
                gathered.errors.splice(0..0, told_before);
                // What is told as an error is not told again.
                let told = |name: &str| {
                    let is = |error: &LoadError| matches!(&*error.problem, Problem::UnknownName { name: told, .. } if told == name);
                    gathered.errors.iter().any(is)
                };
                let mut calls = std::mem::take(&mut gathered.unknown);
                calls.retain(|(name, _)| !told(name));
                gathered.unknown = calls;
                return Evaluated { module: gathered.errors.is_empty().then_some(frozen), gathered };
            }
            Ok(Err(name)) if unknown.len() < MOST_UNKNOWN && !unknown.contains(&name.0) => {
                unknown.insert(name.0.clone());
                if name.1.help().is_none() {
                    others.push(name);
                } else {
                    told_before.push(name.1);
                }
            }
            Ok(Err((_, error))) | Err(error) => {
                // With unknown names about, what fails may fail because of them.
                if told_before.is_empty() {
                    gathered.errors.push(error);
                }
                gathered.errors.splice(0..0, told_before);
                return Evaluated { gathered, module: None };
            }
        }
    }
}

fn ast(file: &Arc<str>, text: &str) -> Result<AstModule, Error> {
    let dialect = Dialect {
        enable_top_level_stmt: true,
        enable_f_strings: true,
        enable_keyword_only_arguments: true,
        ..Dialect::Standard
    };
    AstModule::parse(file, text.to_owned(), &dialect)
}

/// An unknown name and the error that tells it.
type UnknownName = (String, LoadError);

/// Runs the file once, with a stand-in for every name that is known to be unknown.
fn run(
    parsed: &Parsed,
    context: &Context<'_>,
    loaded: &Loaded,
    unknown: &BTreeSet<String>,
    limits: Limits,
) -> Result<Result<FrozenModule, UnknownName>, LoadError> {
    let told = |error: &Error| told(&parsed.file, limits, context.origins, error);
    let ast = ast(&parsed.file, &parsed.text).map_err(|error| told(&error))?;
    let loader = Loader(loaded);
    Module::with_temp_heap(|module| {
        for prelude in &loaded.prelude {
            module.import_public_symbols(prelude);
        }
        for name in unknown {
            module.set(name, module.heap().alloc(Unknown { name: name.clone() }));
        }
        let outcome = {
            let mut evaluator = Evaluator::new(&module);
            evaluator.disable_gc();
            evaluator.set_loader(&loader);
            evaluator.extra = Some(context);
            evaluator.set_check_cancelled(steps(limits.steps));
            // It does not fail: the number is above zero and set once.
            let _ = evaluator.set_max_callstack_size(limits.calls.max(1));
            evaluator.eval_module(ast, globals()).map(|_| ())
        };
        match outcome {
            Ok(()) => module.freeze().map(Ok).map_err(|error| {
                let message = sentence(&error.err_msg);
                Problem::Evaluation { message }.at(Place::new(parsed.file.clone(), 1, 1))
            }),
            Err(error) => match unknown_name(&error) {
                Some(name) => {
                    let names: Vec<String> = globals().names().map(|name| name.as_str().to_owned()).collect();
                    let defined: Vec<String> = module.names().map(|name| name.as_str().to_owned()).collect();
                    let candidates = names.iter().chain(&defined).map(String::as_str);
                    // What Pants has and this has not helps nobody, and what begins like a short name of Starlark need not
                    // be meant for it.
                    let own = |candidate: &str| {
                        schema(candidate).is_some() || defined.iter().any(|one| one == candidate)
                    };
                    let likely = |candidate: &&str| {
                        !unknown.contains(*candidate)
                            && !foreign::is_known(candidate)
                            && (own(candidate) || candidate.len().abs_diff(name.len()) <= 1)
                    };
                    let near = near_all(&name, candidates.filter(likely));
                    let near = near.into_iter().map(str::to_owned).collect();
                    let mut told = told(&error);
                    *told.problem = Problem::UnknownName { name: name.clone(), near };
                    Ok(Err((name, told)))
                }
                None => Err(told(&error)),
            },
        }
    })
}

/// Says once that the steps of an evaluation are used up.
///
/// The evaluator's own bound on steps is looked at a last time when the evaluation has failed, and then hides the
/// error that knows where.
fn steps(limit: u64) -> Box<dyn Fn() -> bool> {
    let taken = Cell::new(0_u64);
    Box::new(move || {
        let before = taken.replace(taken.get().saturating_add(STEPS_BETWEEN_LOOKS));
        before <= limit && taken.get() > limit
    })
}

/// Runs `work` with its memory counted, and turns a panic of Starlark into an error.
fn guarded<T>(
    file: &Arc<str>,
    limits: Limits,
    work: impl FnOnce() -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    let _scope = Scope::enter(file, limits.memory);
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let (file_name, reason) = (file.to_string(), reason(&*panic));
        // What is too large for Starlark's heap panics before it is allocated.
        let problem = if ["AlignedSize", "capacity overflow", "OOM"].iter().any(|text| reason.contains(text))
        {
            Problem::TooMuchMemory { file: file_name, limit: limits.memory }
        } else {
            Problem::Panicked { file: file_name, reason }
        };
        Err(problem.at(Place::new(file.clone(), 1, 1)))
    })
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// The name that an error of scope is about.
fn unknown_name(error: &Error) -> Option<String> {
    let ErrorKind::Scope(scope) = error.kind() else { return None };
    let text = scope.to_string();
    let (_, rest) = text.split_once("Variable `")?;
    rest.split_once("` not found").map(|(name, _)| name.to_owned())
}

/// An error of Starlark as one of ours: its message as ours are written, its place, and the calls that led to it.
fn told(file: &Arc<str>, limits: Limits, origins: &Origins, error: &Error) -> LoadError {
    let frames = error.call_stack().clone().into_frames();
    let calls = frames.iter().filter_map(|frame| frame.location.as_ref());
    let mut calls: Vec<Place> = calls.map(|span| origins.place(file, span)).collect();
    let place = match error.span() {
        Some(span) => origins.place(file, span),
        None => calls.pop().unwrap_or_else(|| Place::new(file.clone(), 1, 1)),
    };
    let message = advice::plain(sentence(&error.without_diagnostic().to_string()));
    let problem = match error.kind() {
        // The parser quotes what it found and expected.
        ErrorKind::Parser(_) => Problem::Syntax { message: message.replace('\'', "`") },
        ErrorKind::StackOverflow(_) => Problem::TooManyCalls { limit: limits.calls },
        _ if message == OUT_OF_STEPS => Problem::TooManySteps { file: file.to_string(), limit: limits.steps },
        _ => Problem::Evaluation { message },
    };
    let mut told = problem.at(place);
    calls.dedup();
    calls.truncate(5);
    told.notes = calls
        .into_iter()
        .filter(|call| Some(call) != told.place.as_ref())
        .map(|call| (call, "called here".to_owned()))
        .collect();
    told
}

/// A message with a small letter in front and no full stop behind.
fn sentence(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let message =
        ["Parse error: ", "fail: "].iter().find_map(|start| message.strip_prefix(start)).unwrap_or(message);
    let mut letters = message.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            format!("{}{}", first.to_lowercase(), letters.as_str())
        }
        _ => message.to_owned(),
    }
}

struct Loader<'a>(&'a Loaded);

impl FileLoader for Loader<'_> {
    fn load(&self, path: &str) -> starlark::Result<FrozenModule> {
        self.0.modules.get(path).cloned().ok_or_else(|| {
            Error::new_other(Problem::MissingModule { file: path.to_owned(), near: Vec::new() })
        })
    }
}
