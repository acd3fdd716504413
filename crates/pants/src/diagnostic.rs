//! What is said about an error or a warning, and the two forms it is said in. Knows no library's errors.

use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use graph::Place;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::annotation::Annotation;
use crate::mask::masked;

/// The exit codes of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// A build or test failed.
    Failed = 1,
    /// The request, a BUILD file or the configuration is wrong.
    Wrong = 2,
    /// The environment failed: network, disk, no interpreter.
    Environment = 3,
    /// A bug of ours.
    Bug = 101,
}

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Severity {
    /// Nothing can be done unless it is mended.
    Error(Exit),
    /// Somebody should know.
    Warning,
}

/// One thing that somebody should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Diagnostic {
    /// Its stable name, such as `graph::cycle`.
    pub(crate) code: String,
    pub(crate) severity: Severity,
    /// What is the matter: lower case, no full stop.
    pub(crate) message: String,
    /// Where it is.
    pub(crate) place: Option<Place>,
    /// The text that the place is in, where it is no file.
    pub(crate) within: Option<String>,
    /// Why it matters, or what belongs to it, each with its place.
    pub(crate) notes: Vec<(String, Option<Place>)>,
    /// What to do.
    pub(crate) help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(exit: Exit, code: impl Into<String>, message: impl ToString) -> Diagnostic {
        Diagnostic {
            code: code.into(),
            severity: Severity::Error(exit),
            message: message.to_string(),
            place: None,
            within: None,
            notes: Vec::new(),
            help: None,
        }
    }

    pub(crate) fn warning(code: impl Into<String>, message: impl ToString) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(Exit::Wrong, code, message) }
    }

    pub(crate) fn at(self, place: Option<Place>) -> Diagnostic {
        Diagnostic { place, ..self }
    }

    /// Says that the place is in a text, and not in a file.
    pub(crate) fn within(self, text: String) -> Diagnostic {
        Diagnostic { within: Some(text), ..self }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push((note.into(), None));
        self
    }

    pub(crate) fn help(self, help: Option<impl Into<String>>) -> Diagnostic {
        Diagnostic { help: help.map(Into::into), ..self }
    }

    /// Adds the causes of an error as notes, innermost last.
    pub(crate) fn causes(mut self, error: &dyn std::error::Error) -> Diagnostic {
        let mut next = error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !self.message.ends_with(&text) {
                self.notes.push((text, None));
            }
            next = cause.source();
        }
        self
    }

    /// The form for programs.
    pub(crate) fn json(&self) -> Value {
        let notes: Vec<Value> = (self.notes.iter())
            .map(|(message, place)| json!({ "message": masked(message), "place": place.as_ref().map(place_json) }))
            .collect();
        json!({
            "severity": if self.severity == Severity::Warning { "warning" } else { "error" },
            "code": self.code,
            "message": masked(&self.message),
            "place": self.place.as_ref().map(place_json),
            "notes": notes,
            "help": self.help.as_deref().map(masked),
        })
    }

    /// The form for GitHub, which shows it beside the line of the file.
    pub(crate) fn annotation(&self) -> String {
        let level = if self.severity == Severity::Warning { "warning" } else { "error" };
        let message = match &self.help {
            Some(help) => format!("{}\nhelp: {}", masked(&self.message), masked(help)),
            None => masked(&self.message).into_owned(),
        };
        // A place within a text is in no file.
        let place = self.place.as_ref().filter(|_| self.within.is_none());
        let place = place.map(|place| (&*place.file, place.line.into(), place.column.into()));
        Annotation { level, place, title: &self.code, message: &message }.to_string()
    }

    /// The form for people, with the line of the file and a caret where there is a place.
    pub(crate) fn text(&self, root: &Path, renderer: &Renderer) -> String {
        let level = if self.severity == Severity::Warning { Level::WARNING } else { Level::ERROR };
        let title = level.primary_title(masked(&self.message)).id(self.code.as_str());
        let mut group = Group::with_title(title);
        let excerpts: Vec<Option<Excerpt>> = (std::iter::once(self.place.as_ref()))
            .chain(self.notes.iter().map(|(_, place)| place.as_ref()))
            .map(|place| place.map(|place| Excerpt::read(root, place)))
            .collect();
        let within = self.within.as_deref().zip(self.place.as_ref());
        let own = within.map(|(text, place)| Excerpt::of(text, place));
        if let Some(excerpt) = own.as_ref().or(excerpts[0].as_ref()) {
            group = excerpt.show(group, AnnotationKind::Primary, None);
        }
        let notes: Vec<_> = self.notes.iter().map(|(note, _)| masked(note)).collect();
        for (note, excerpt) in notes.iter().zip(&excerpts[1..]) {
            group = match excerpt {
                Some(excerpt) => excerpt.show(group, AnnotationKind::Context, Some(note)),
                None => group.element(Level::NOTE.message(note.as_ref())),
            };
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(masked(help)));
        }
        renderer.render(&[group])
    }
}

fn place_json(place: &Place) -> Value {
    json!({ "file": &*place.file, "line": place.line, "column": place.column })
}

/// The line that a place is in.
struct Excerpt {
    file: String,
    line: usize,
    /// Empty where the file cannot be read.
    text: String,
    span: std::ops::Range<usize>,
}

impl Excerpt {
    fn read(root: &Path, place: &Place) -> Excerpt {
        let bytes = std::fs::read(root.join(&*place.file)).unwrap_or_default();
        Excerpt::of(&String::from_utf8_lossy(&bytes), place)
    }

    fn of(content: &str, place: &Place) -> Excerpt {
        let line = place.line.max(1) as usize;
        let text = content.lines().nth(line - 1).unwrap_or_default().replace('\t', " ");
        let text = masked(&text).into_owned();
        let offset = |column: usize| text.char_indices().nth(column).map_or(text.len(), |(offset, _)| offset);
        let start = offset(place.column.max(1) as usize - 1);
        let end = offset(place.column.max(1) as usize - 1 + place.width.max(1) as usize).max(start);
        Excerpt { file: place.file.to_string(), line, text, span: start..end }
    }

    fn show<'a>(&'a self, group: Group<'a>, kind: AnnotationKind, label: Option<&'a str>) -> Group<'a> {
        let annotation = kind.span(self.span.clone());
        let annotation = match label {
            Some(label) => annotation.label(label),
            None => annotation,
        };
        group.element(
            Snippet::source(self.text.as_str())
                .line_start(self.line)
                .path(self.file.as_str())
                .annotation(annotation),
        )
    }
}
