//! What one evaluation knows and collects: targets, errors and messages; it does not run it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use graph::visibility::DeclaredRules;
use graph::{Place, Target};
use starlark::any::ProvidesStaticType;
use starlark::codemap::{FileSpan, Span};
use starlark::eval::Evaluator;

use crate::defaults::{Defaults, Said};
use crate::error::{LoadError, Problem};
use crate::options::Unmatched;
use crate::places::{Argument, Calls, Origins};
use crate::read::Digest;
use crate::sources::Sources;

/// So many errors of one file are told.
const MOST_ERRORS: usize = 1000;

/// The evaluation of one file.
#[derive(ProvidesStaticType)]
pub(crate) struct Context<'a> {
    /// The BUILD or `.bzl` file that is evaluated.
    pub(crate) file: Arc<str>,
    /// Its directory.
    pub(crate) package: Arc<str>,
    /// Whether it is loaded by others and can have no targets.
    pub(crate) module: bool,
    pub(crate) calls: &'a Calls,
    pub(crate) origins: &'a Origins,
    pub(crate) sources: &'a Sources<'a>,
    /// What is done about files and patterns that nothing is there for.
    pub(crate) unmatched: Unmatched,
    /// The variables of the environment.
    pub(crate) variables: &'a BTreeMap<String, String>,
    pub(crate) gathered: RefCell<Gathered>,
}

/// What an evaluation gives.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) targets: Vec<Target>,
    /// Who may depend on whom.
    pub(crate) rules: Vec<DeclaredRules>,
    pub(crate) errors: Vec<LoadError>,
    /// What `print` says.
    pub(crate) messages: Vec<(Place, String)>,
    /// Calls of what nobody knows.
    pub(crate) unknown: Vec<(String, Place)>,
    /// What holds for fields that are not given: first as the directory above has it.
    pub(crate) defaults: Defaults,
    /// The variables that had a say, each with a digest of its value.
    pub(crate) variables: BTreeMap<String, Option<Digest>>,
    /// Whether names of files in the directory, or also below it, had a say.
    pub(crate) shallow: bool,
    pub(crate) deep: bool,
}

/// One call of a rule, or of a function.
pub(crate) struct Call<'c> {
    /// Where the BUILD file has it.
    pub(crate) place: Place,
    /// Where the macro has it.
    pub(crate) inner: Option<Place>,
    pub(crate) arguments: &'c [Argument],
    pub(crate) span: Option<FileSpan>,
}

impl<'a> Context<'a> {
    /// The context of a running evaluation, and where its calls are, the outermost first.
    pub(crate) fn of<'r, 'e>(evaluator: &Evaluator<'_, 'r, 'e>) -> Option<(&'r Context<'e>, Vec<FileSpan>)> {
        let context = evaluator.extra.and_then(|extra| extra.downcast_ref::<Context<'e>>())?;
        let frames = evaluator.call_stack().into_frames();
        Some((context, frames.into_iter().filter_map(|frame| frame.location).collect()))
    }

    /// The names of the files that `glob` finds.
    pub(crate) fn glob(
        &self,
        include: &[&str],
        exclude: &[&str],
        allow_empty: bool,
        stack: &[FileSpan],
    ) -> Vec<String> {
        let call = self.locate(stack);
        if self.module {
            let problem = Problem::GlobInModule { file: self.file.to_string() };
            self.tell(&call, problem, call.place.clone());
            return Vec::new();
        }
        let excluded: Vec<String> = exclude.iter().map(|pattern| format!("!{pattern}")).collect();
        let patterns: Vec<&str> =
            include.iter().copied().chain(excluded.iter().map(String::as_str)).collect();
        let items: Vec<Place> =
            call.arguments.iter().flat_map(|argument| self.items(&call, argument)).collect();
        self.select(&call, &patterns, !allow_empty, |item| items.get(item).unwrap_or(&call.place).clone())
    }

    /// Where the call on top of the stack is, and where its arguments by position and the items of these are written.
    pub(crate) fn positional(&self, stack: &[FileSpan]) -> (Place, Vec<(Place, Vec<Place>)>) {
        let call = self.locate(stack);
        let positional = call.arguments.iter().filter(|argument| argument.name.is_none());
        let written = positional.map(|one| (self.span(&call, one.value), self.items(&call, one))).collect();
        (call.place, written)
    }

    /// Takes an error.
    pub(crate) fn fail(&self, error: LoadError) {
        self.gathered.borrow_mut().errors.push(error);
    }

    /// Takes what `print` says.
    pub(crate) fn message(&self, text: &str, stack: &[FileSpan]) {
        let place = self.locate(stack).place;
        self.gathered.borrow_mut().messages.push((place, text.to_owned()));
    }

    /// A variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name);
        let digest = value.map(|value| *blake3::hash(value.as_bytes()).as_bytes());
        self.gathered.borrow_mut().variables.insert(name.to_owned(), digest);
        value.cloned()
    }

    /// Takes what `__defaults__` says.
    pub(crate) fn defaults(&self, said: Said, stack: &[FileSpan]) {
        let call = self.locate(stack);
        if self.module || call.inner.is_some() {
            return self.tell(&call, Problem::DefaultsElsewhere, call.place.clone());
        }
        let errors = self.gathered.borrow_mut().defaults.take(said, &call.place);
        self.gathered.borrow_mut().errors.extend(errors);
    }

    /// Tells what is wrong with the call that is on top of the stack.
    pub(crate) fn wrong(&self, problem: Problem, stack: &[FileSpan]) {
        let call = self.locate(stack);
        self.tell(&call, problem, call.place.clone());
    }

    /// Whether the call that is on top of the stack is a statement of its own in this file.
    pub(crate) fn is_statement(&self, stack: &[FileSpan]) -> bool {
        let span = stack.last().filter(|span| span.filename() == &*self.file);
        span.is_some_and(|span| self.calls.is_statement(span.span))
    }

    /// The call that is on top of the stack: where the BUILD file has it, and where it is.
    pub(crate) fn locate(&self, stack: &[FileSpan]) -> Call<'a> {
        let own = |span: &&FileSpan| span.filename() == &*self.file;
        let outer = stack.iter().find(own);
        let inner = stack.last();
        let start = || Place::new(self.file.clone(), 1, 1);
        let place = outer.map_or_else(start, |span| self.origins.place(&self.file, span));
        let elsewhere = inner.filter(|inner| outer != Some(*inner));
        let elsewhere = elsewhere.map(|span| self.origins.place(&self.file, span));
        let arguments = match inner.filter(own) {
            Some(span) => self.calls.arguments(span.span),
            None => &[],
        };
        Call { place, inner: elsewhere, arguments, span: inner.cloned() }
    }

    pub(crate) fn span(&self, call: &Call<'_>, span: Span) -> Place {
        match &call.span {
            Some(file) => self.origins.place(&self.file, &FileSpan { file: file.file.clone(), span }),
            None => call.place.clone(),
        }
    }

    pub(crate) fn items(&self, call: &Call<'_>, argument: &Argument) -> Vec<Place> {
        argument.items.iter().map(|&span| self.span(call, span)).collect()
    }

    /// Tells what is wrong; once, also where a call comes to several targets.
    pub(crate) fn tell(&self, call: &Call<'_>, problem: Problem, place: Place) {
        let mut error = problem.at(place);
        if let Some(inner) = &call.inner {
            error.notes.push((inner.clone(), "called here".to_owned()));
        }
        let errors = &mut self.gathered.borrow_mut().errors;
        if errors.len() < MOST_ERRORS && !errors.contains(&error) {
            errors.push(error);
        }
    }

    pub(crate) fn select(
        &self,
        call: &Call<'_>,
        patterns: &[&str],
        strict: bool,
        at: impl Fn(usize) -> Place,
    ) -> Vec<String> {
        let matched = self.sources.select(&self.package, patterns, strict);
        for (item, problem) in matched.problems {
            match (self.unmatched, problem.is_unmatched()) {
                (Unmatched::Error, _) | (_, false) => self.tell(call, problem, at(item)),
                (Unmatched::Warn, true) => {
                    let text = format!("warning: {problem}");
                    self.gathered.borrow_mut().messages.push((at(item), text));
                }
                (Unmatched::Ignore, true) => {}
            }
        }
        let mut gathered = self.gathered.borrow_mut();
        gathered.shallow = true;
        gathered.deep |= matched.deep;
        matched.files.into_iter().collect()
    }
}
