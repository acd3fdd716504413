//! Tools over files: which are run, on what, and what they found. Goals say what becomes of that.

mod choice;
mod configurations;
mod found;
mod rewritten;
mod sarif;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use engine::Execution;
use graph::NodeId;
use python::tools::{Tool, ToolGoal};
use python::{Batch, RuleError, ToolRequest, tool_files};

use self::choice::{Choice, Resolves};
pub(crate) use self::configurations::Configurations;
pub(crate) use self::rewritten::rewrite;
pub(crate) use self::shown::look;
use crate::analysis::{observe, placed};
use crate::build::Plan;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain::near_or_all;
use crate::goals::Targets;
use crate::goals::binary::check_some;
use crate::report::Report;
use crate::repository::Repository;
use crate::session::Session;
use crate::together::Planned;

/// What goals that run tools are asked.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Only this tool; it may be given several times
    #[arg(long, value_name = "NAME", visible_alias = "only")]
    tool: Vec<String>,

    /// Run them although nothing has changed
    #[arg(long)]
    force: bool,
}

/// What tools are for, and which of these a goal runs.
pub(crate) type Suiting = (ToolGoal, fn(&Tool) -> bool);

/// Who sees what became of a batch.
type Take<'t> = dyn FnMut(&Batch, &Execution) -> Result<(), Vec<Diagnostic>> + 't;

/// Makes batches of files by some tools.
type Rules<'r> = dyn Fn(
        &[NodeId],
        &ToolRequest<'_>,
        &python::Analysis<'_>,
        &mut engine::ActionGraph,
    ) -> Result<Vec<Batch>, Vec<RuleError>>
    + 'r;

/// Tools, and the files that they are run on.
pub(crate) struct Work<'a> {
    session: &'a Session<'a>,
    repository: &'a Repository,
    tools: Vec<&'a Tool>,
    files: Vec<NodeId>,
    /// Those of them that are not as they were, where a change was asked for.
    changed: Option<BTreeSet<NodeId>>,
    resolves: Resolves,
    force: bool,
}

impl<'a> Work<'a> {
    /// What is to be done for a goal by the tools of some goals that suit.
    pub(crate) fn new(
        session: &'a Session<'a>,
        repository: &'a Repository,
        asked: &Asked,
        goal: &'static str,
        suiting: &[Suiting],
    ) -> Result<Work<'a>, Vec<Diagnostic>> {
        let choice = Choice::new(session);
        check_names(session, asked, goal, suiting)?;
        let mut tools = Vec::new();
        for (goal, suits) in suiting {
            let names = |tool: &&Tool| asked.tool.is_empty() || asked.tool.contains(&tool.name);
            tools.extend(choice.tools(*goal, &asked.tool, *suits)?.into_iter().filter(names));
        }
        if tools.is_empty() {
            return Err(vec![none(goal, suiting)]);
        }
        let (mut files, change) = asked.targets.files_and_change(session, repository, tool_files)?;
        let changed = change.map(|change| change.nodes.into_keys().collect::<BTreeSet<_>>());
        let help = "`pants list ::` names all targets";
        check_some(session, &asked.targets, &files, ("tools::no_files", "Python file of a target", help))
            .map_err(|wrong| vec![wrong])?;
        if let Some(changed) = &changed
            && !tools.iter().any(|tool| tool.imports)
        {
            files.retain(|file| changed.contains(file));
        }
        let resolves = choice.resolves(&tools, &repository.graph, &files)?;
        Ok(Work { session, repository, tools, files, changed, resolves, force: asked.force })
    }

    /// Plans what rules make of the files.
    fn prepare(&self, rules: &Rules<'_>) -> Result<(Vec<Batch>, Plan<'a>), Vec<Diagnostic>> {
        let session = self.session;
        let graph = &self.repository.graph;
        let paths: Vec<&str> = self.files.iter().filter_map(|file| graph.file(*file)).collect();
        let configurations: BTreeMap<&str, Configurations> = (self.tools.iter())
            .map(|tool| {
                (tool.name.as_str(), Configurations::new(session, &tool.config, paths.iter().copied()))
            })
            .collect();
        let (reached, of_files) = self.reached()?;
        let read = |_: &python::Ownership<'_>| -> BTreeSet<String> {
            let of_tools = configurations.values().flat_map(Configurations::paths);
            let all = paths.iter().copied().chain(of_tools).map(ToOwned::to_owned);
            all.chain(reached.iter().cloned()).collect()
        };
        let default = &session.config.default_resolve;
        let request = ToolRequest {
            tools: &self.tools,
            resolve: &|tool, target| {
                let own = python::resolve_of(target, default).to_owned();
                self.resolves[&(tool.name.clone(), own)].clone()
            },
            configuration: &|tool, path| {
                configurations[tool.name.as_str()].of(path).map(ToOwned::to_owned).collect()
            },
            // What a tool says of a file that it reads alone depends on no other.
            looks_at: &|tool, file| {
                tool.imports || self.changed.as_ref().is_none_or(|all| all.contains(&file))
            },
            anew: self.force,
        };
        let of_tools = self.resolves.values().map(String::as_str);
        let resolves: BTreeSet<&str> = of_tools.chain(of_files).collect();
        let (files, (batches, actions, tools)) =
            observe(session, self.repository, &self.files, &read, |seen| {
                let made = seen.analyse_in(&resolves, &|analysis, actions| {
                    rules(&self.files, &request, analysis, actions)
                })?;
                let wrong = |errors: Vec<RuleError>| -> Vec<Diagnostic> {
                    errors.iter().map(|error| placed(session, error)).collect()
                };
                let (batches, actions) = made.map_err(wrong)?;
                session.console.diagnostics(seen.interpreters.take_notes());
                let tools = crate::tools::MachineTools::of(&actions, seen.interpreters);
                Ok((batches, actions, tools))
            })?;
        let builds = batches.iter().flat_map(|batch| batch.builds.iter().cloned()).collect();
        let places = batches.iter().map(|batch| (batch.action, batch.place.clone())).collect();
        let plan = Plan::of_actions(session, (builds, places), (files, actions), tools)?;
        Ok((batches, plan))
    }

    /// Plans what rules make of the files; `conclude` answers when it has run, or could not be planned.
    fn planned(
        self,
        rules: &Rules<'_>,
        conclude: impl FnOnce(&Work<'a>, Ran<'_>) -> Result<Exit, Vec<Diagnostic>> + 'a,
    ) -> Result<Planned<'a>, Vec<Diagnostic>> {
        if self.files.is_empty() {
            return conclude(&self, Ran::default()).map(Planned::Done);
        }
        let prepared = self.prepare(rules);
        let mut report = self.session.take_generated();
        match prepared {
            Ok((batches, plan)) => {
                let roots = batches.iter().map(|batch| batch.action).collect();
                let force = self.force;
                Ok(Planned::open(plan, roots, force, move |plan, execution| {
                    report.add(&execution);
                    conclude(&self, Ran { report, ran: Some((plan, &batches, execution)), wrong: Vec::new() })
                }))
            }
            Err(wrong) => conclude(&self, Ran { report, ran: None, wrong }).map(Planned::Done),
        }
    }
}

/// What tools came to.
#[derive(Default)]
struct Ran<'r> {
    report: Report,
    /// The plan, its batches and their execution, where it came to that.
    ran: Option<(&'r Plan<'r>, &'r [Batch], Execution)>,
    /// Why it did not.
    wrong: Vec<Diagnostic>,
}

impl Ran<'_> {
    /// Has `take` see what became of each batch, and gives what was counted. What kept something from being done is an error
    /// beside it.
    fn take(self, session: &Session<'_>, take: &mut Take<'_>) -> (Report, Result<(), Vec<Diagnostic>>) {
        let Ran { report, ran, wrong } = self;
        let told = match ran {
            Some(ran) => Ran::told(session, ran, take),
            None => Ok(wrong),
        };
        let told = told.unwrap_or_else(|wrong| wrong);
        (report, if told.is_empty() { Ok(()) } else { Err(told) })
    }

    fn told(
        session: &Session<'_>,
        (plan, batches, mut execution): (&Plan<'_>, &[Batch], Execution),
        take: &mut Take<'_>,
    ) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let mut diagnostics = found::failures(session, batches, &mut execution)?;
        for batch in batches {
            take(batch, &execution)?;
        }
        diagnostics.extend(plan.told(execution.failures));
        if execution.cancelled {
            diagnostics.push(Diagnostic::error(Exit::Failed, "tools::cancelled", "cancelled"));
        }
        Ok(diagnostics)
    }
}

impl Work<'_> {
    /// What the files reach, and the resolves of that, where a tool has to import it.
    fn reached(&self) -> Result<(BTreeSet<String>, BTreeSet<&str>), Vec<Diagnostic>> {
        if !self.tools.iter().any(|tool| tool.imports) {
            return Ok(Default::default());
        }
        let (graph, session) = (&self.repository.graph, self.session);
        session.tell_findings(self.repository, &graph.closure(self.files.iter().copied()), true)?;
        let owners: BTreeSet<NodeId> = self.files.iter().map(|file| graph.owner(*file)).collect();
        let default = &session.config.default_resolve;
        let resolves = owners.iter().map(|owner| python::resolve_of(graph.target(*owner), default));
        let roots = &self.repository.roots;
        let paths = owners.iter().flat_map(|owner| python::test_paths(graph, *owner, roots));
        Ok((paths.collect(), resolves.collect()))
    }
}

/// Refuses names of tools that the goal does not have.
fn check_names(
    session: &Session<'_>,
    asked: &Asked,
    goal: &str,
    suiting: &[Suiting],
) -> Result<(), Vec<Diagnostic>> {
    let all = session.config.tools.all.iter();
    let suits = |tool: &&Tool| suiting.iter().any(|(goal, suits)| tool.goal == *goal && suits(tool));
    let names: Vec<&str> = all.filter(suits).map(|tool| tool.name.as_str()).collect();
    let unknown = asked.tool.iter().filter(|name| !names.contains(&name.as_str()));
    let errors: Vec<Diagnostic> = unknown
        .map(|name| {
            let help = near_or_all(name, names.iter().copied(), &format!("the tools of `{goal}` are"));
            let message = format!("`{goal}` has no tool `{name}`");
            Diagnostic::error(Exit::Wrong, "tools::unknown", message).help(Some(help))
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The error that a goal has nothing to run.
fn none(goal: &str, suiting: &[Suiting]) -> Diagnostic {
    let (section, example) = match suiting.last() {
        Some((ToolGoal::Check, _)) => ("check", "mypy"),
        Some((ToolGoal::Fmt, _)) => ("fmt", "black"),
        _ => ("lint", "ruff"),
    };
    let message = format!("`{goal}` has no tools");
    let help = format!(
        "name them in `pants.toml`, such as `tools = [\"{example}\"]` below `[{section}]`; `pants help pants.toml` \
         lists all that can be said"
    );
    Diagnostic::error(Exit::Wrong, "tools::none", message).help(Some(help))
}
