//! Which tools a goal runs, and which resolve has each of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use graph::{NodeId, TargetGraph};
use packaging::lock::{Form, Lock};
use packaging::name::parse_name;
use python::tools::{Tool, ToolGoal};

use crate::diagnostic::{Diagnostic, Exit};
use crate::explain::near_or_all;
use crate::session::Session;

/// The resolve of tools, where a tool has none of its own name.
const TOOLS: &str = "tools";
/// Formatters that do the same as one that goes before them.
const INSTEAD: [(&str, &str); 1] = [("ruff-format", "black")];

/// The locks, read when they are asked for.
pub(super) struct Choice<'a> {
    session: &'a Session<'a>,
    locks: RefCell<BTreeMap<String, Option<Rc<Lock>>>>,
}

/// The resolve that has a tool, by the name of the tool and the resolve of the files.
pub(super) type Resolves = BTreeMap<(String, String), String>;

impl<'a> Choice<'a> {
    pub(super) fn new(session: &'a Session<'a>) -> Self {
        Choice { session, locks: RefCell::default() }
    }

    /// The tools of a goal: those that are asked for, or configured, or else those that a lock was asked for.
    pub(super) fn tools(
        &self,
        goal: ToolGoal,
        asked: &[String],
        suits: fn(&Tool) -> bool,
    ) -> Result<Vec<&'a Tool>, Vec<Diagnostic>> {
        let settings = &self.session.config.tools;
        let all: Vec<&Tool> = settings.all.iter().filter(|tool| tool.goal == goal && suits(tool)).collect();
        if let Some(chosen) = settings.chosen.get(&goal) {
            let named = |name: &String| all.iter().copied().find(|tool| tool.name == *name);
            let chosen = chosen.iter().filter_map(named);
            let asked: Vec<&Tool> = asked.iter().filter_map(named).collect();
            return Ok(if asked.is_empty() { chosen.collect() } else { asked });
        }
        if !asked.is_empty() {
            return Ok(all.into_iter().filter(|tool| asked.contains(&tool.name)).collect());
        }
        let mut found = Vec::new();
        for tool in all {
            for (resolve, _) in &self.session.config.resolves {
                if self.lock(resolve)?.is_some_and(|lock| is_asked_for(tool, &lock)) {
                    found.push(tool);
                    break;
                }
            }
        }
        let names: Vec<&str> = found.iter().map(|tool| tool.name.as_str()).collect();
        let is_done = |tool: &&Tool| {
            INSTEAD.iter().any(|(one, other)| *one == tool.name.as_str() && names.contains(other))
        };
        let left = found.iter().copied().filter(|tool| !is_done(tool));
        Ok(left.collect())
    }

    /// The resolve of each tool for each resolve of some files. Fails with the tools that are in no lock.
    pub(super) fn resolves(
        &self,
        tools: &[&Tool],
        graph: &TargetGraph,
        files: &[NodeId],
    ) -> Result<Resolves, Vec<Diagnostic>> {
        let default = &self.session.config.default_resolve;
        let own: BTreeSet<&str> =
            files.iter().map(|file| python::resolve_of(graph.target(*file), default)).collect();
        let (mut resolves, mut missing) = (Resolves::new(), BTreeMap::<&str, Diagnostic>::new());
        for tool in tools {
            for own in &own {
                match self.resolve(tool, own)? {
                    Ok(found) => {
                        resolves.insert((tool.name.clone(), (*own).to_owned()), found);
                    }
                    Err(error) => drop(missing.entry(tool.project()).or_insert(*error)),
                }
            }
        }
        if missing.is_empty() { Ok(resolves) } else { Err(missing.into_values().collect()) }
    }

    fn resolve(&self, tool: &Tool, own: &str) -> Result<Result<String, Box<Diagnostic>>, Vec<Diagnostic>> {
        let config = &self.session.config;
        let candidates = match &tool.resolve {
            Some(resolve) => vec![resolve.as_str()],
            None => vec![&tool.name, TOOLS, own],
        };
        let project = parse_name(tool.project()).ok();
        let mut seen = Vec::new();
        for resolve in candidates {
            let Some(path) = config.lock_path(resolve) else { continue };
            let has = |lock: &Rc<Lock>| project.as_ref().is_some_and(|name| !lock.named(name).is_empty());
            if self.lock(resolve)?.as_ref().is_some_and(has) {
                return Ok(Ok(resolve.to_owned()));
            }
            seen.push(format!("`{path}`"));
        }
        Ok(Err(Box::new(self.not_locked(tool, &seen))))
    }

    fn not_locked(&self, tool: &Tool, seen: &[String]) -> Diagnostic {
        let config = &self.session.config;
        let section = format!("tools.{}", tool.name);
        let place = config.place(&section, "resolve").or_else(|| config.place(tool.goal.name(), "tools"));
        let resolve = tool.resolve.as_deref().unwrap_or(TOOLS);
        let project = tool.project();
        if config.lock_path(resolve).is_none() && tool.resolve.is_some() {
            let names = config.resolves.iter().map(|(name, _)| name.as_str());
            let help = near_or_all(resolve, names, "the resolves are");
            let message = format!("there is no resolve `{resolve}` for the tool `{}`", tool.name);
            return Diagnostic::error(Exit::Wrong, "tools::resolve", message)
                .at(place.cloned())
                .help(Some(help));
        }
        let message = format!("no lock has `{project}`, which `{}` runs", tool.goal.name());
        let target = format!(
            "python_requirement(name = \"{project}\", requirements = [\"{project}\"], resolve = \"{resolve}\")"
        );
        let help = match config.lock_path(resolve) {
            Some(_) => format!("write `{target}` in a BUILD file, and run `pants lock`"),
            None => format!(
                "write `{target}` in a BUILD file and `{resolve} = \"{resolve}.lock\"` below `[python.resolves]`, \
                 and run `pants lock`"
            ),
        };
        Diagnostic::error(Exit::Wrong, "tools::not_locked", message)
            .at(place.cloned())
            .note(format!("looked in {}", seen.join(", ")))
            .help(Some(help))
    }

    fn lock(&self, resolve: &str) -> Result<Option<Rc<Lock>>, Vec<Diagnostic>> {
        if let Some(known) = self.locks.borrow().get(resolve) {
            return Ok(known.clone());
        }
        let path = self.session.config.lock_path(resolve);
        let lock = path.map_or(Ok(None), |path| self.session.lock(path))?.map(Rc::new);
        self.locks.borrow_mut().insert(resolve.to_owned(), lock.clone());
        Ok(lock)
    }
}

/// Whether somebody wanted a tool in a lock. Locks of others may not say.
fn is_asked_for(tool: &Tool, lock: &Lock) -> bool {
    let Ok(project) = parse_name(tool.project()) else { return false };
    match lock.form {
        Form::Pants => lock.requirements.iter().any(|requirement| requirement.name == project),
        _ => !lock.named(&project).is_empty(),
    }
}
