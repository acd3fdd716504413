//! Tools that look at files or rewrite them, a batch of files in a process. They find the files of the batch at their paths
//! in the repository, the files that configure them, and a virtualenv that they share.

use std::collections::{BTreeMap, BTreeSet};

use engine::{ActionGraph, ActionId, Input, Process, Verb};
use globset::Glob;
use graph::{Label, NodeId, Place, SKIP_TOOLS, Target, TargetGraph};
use packaging::target::Target as Configuration;
use store::Digest;

use super::distributions::Needs;
use super::environment::{self, ENVIRONMENT, requirements_of_resolves};
use super::parts::{Size, parts};
use super::surroundings::Surroundings;
use super::{Analysis, SourceBuild};
use crate::bounds::Bounds;
use crate::closure::{Closure, Wish};
use crate::configuration::newest_here;
use crate::error::RuleError;
use crate::tools::{Tool, ToolGoal};

/// The rules whose files tools look at.
const RULES: [&str; 4] = ["python_library", "python_binary", "python_test", "python_test_utils"];
/// How the names of the files end.
pub(super) const ENDINGS: [&str; 2] = [".py", ".pyi"];
/// How many files a tool gets at once.
const SIZE: Size = Size { least: 16, most: 128, ends: 32 };
/// The exit code of the tool, among the outputs of a process that looks.
pub const EXIT_CODE: &str = ".pants-exit-code";
/// What a tool finds is no failure of it, and remembered. Nothing of the repository is imported instead of the tool: `-I`.
const RUN: &str = "import os, subprocess, sys
codes, *command = sys.argv[1:]
command = [word.replace('$VIRTUAL_ENV', os.environ['VIRTUAL_ENV']) for word in command]
code = subprocess.call([sys.executable, '-I', '-B', '-m', *command])
with open('.pants-exit-code', 'w') as file:
    file.write(str(code))
sys.exit(0 if str(code) in codes.split(',') else code)
";

/// What is asked for beside the files.
pub struct ToolRequest<'a> {
    /// The tools; where they rewrite, each takes what the one before made.
    pub tools: &'a [&'a Tool],
    /// The resolve that has a tool for the files of a target.
    pub resolve: &'a dyn Fn(&Tool, &Target) -> String,
    /// The files that configure a tool for a file, the nearest folder first.
    pub configuration: &'a dyn Fn(&Tool, &str) -> Vec<String>,
    /// Whether a tool is to look at a file.
    pub looks_at: &'a dyn Fn(&Tool, NodeId) -> bool,
    /// Whether nothing counts that a tool found out before.
    pub anew: bool,
}

/// Files that a tool looks at in one process, or that are rewritten together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The name of the tool, or of the last of several.
    pub tool: String,
    /// The files, with what they hold; also those that are only imported.
    pub files: BTreeMap<String, Digest>,
    /// How many of them are looked at for their own sake.
    pub asked: usize,
    /// The action of the tool, or of the last of several.
    pub action: ActionId,
    /// All actions that run a tool, with the name of it.
    pub runs: Vec<(ActionId, String)>,
    /// The source distributions that are built for it.
    pub builds: Vec<SourceBuild>,
    /// What is to blame where the virtualenv of the tool cannot be made.
    pub place: Place,
}

/// The files among some nodes that tools look at; of a target, all that it has.
pub fn tool_files(graph: &TargetGraph, nodes: &[NodeId]) -> Vec<NodeId> {
    let mut found = BTreeSet::new();
    for &node in nodes {
        let node = graph.actual(node);
        if !RULES.contains(&graph.target(node).rule.name) {
            continue;
        }
        if graph.file(node).is_some() {
            found.insert(node);
        } else {
            found.extend(graph.files(node));
        }
    }
    let is_python = |path: &str| ENDINGS.iter().any(|ending| path.ends_with(ending));
    found.into_iter().filter(|node| graph.file(*node).is_some_and(is_python)).collect()
}

/// Whether a tool is run on a file: it is asked to, and does not leave it alone.
fn is_wanted(graph: &TargetGraph, file: NodeId, tool: &Tool, request: &ToolRequest<'_>) -> bool {
    let target = graph.target(file).of_file(graph.file(file).unwrap_or_default());
    (request.looks_at)(tool, file) && !target.list(SKIP_TOOLS).contains(&tool.name.as_str())
}

/// Adds the actions by which each tool looks at some files.
///
/// # Errors
/// All that keeps one of them from being run.
pub fn look(
    files: &[NodeId],
    request: &ToolRequest<'_>,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Batch>, Vec<RuleError>> {
    let mut tooling = Tooling::new(files, request, analysis);
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for &tool in request.tools {
        let wanted: Vec<NodeId> =
            files.iter().copied().filter(|file| is_wanted(analysis.graph, *file, tool, request)).collect();
        let files = wanted.as_slice();
        if tool.imports {
            match tooling.look_with_imports(tool, files, actions) {
                Ok(batches) => all.extend(batches),
                Err(wrong) => errors.extend(wrong),
            }
            continue;
        }
        for (setups, files) in tooling.batches(&[tool], files) {
            match tooling.look(tool, &setups[0], &files, actions) {
                Ok(batch) => all.push(batch),
                Err(wrong) => errors.extend(wrong),
            }
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(crate::missing::together(errors)) }
}

/// Adds the actions by which all tools rewrite some files, one after the other.
///
/// # Errors
/// All that keeps one of them from being run.
pub fn rewrite(
    files: &[NodeId],
    request: &ToolRequest<'_>,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Vec<Batch>, Vec<RuleError>> {
    // A file of several targets is rewritten once.
    let mut seen = BTreeSet::new();
    let is_new = |file: &&NodeId| analysis.graph.file(**file).is_some_and(|path| seen.insert(path));
    let files: Vec<NodeId> = files.iter().filter(is_new).copied().collect();
    let mut tooling = Tooling::new(&files, request, analysis);
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    let mut groups = BTreeMap::<Vec<usize>, Vec<NodeId>>::new();
    for file in files {
        let is_wanted = |tool: &Tool| is_wanted(analysis.graph, file, tool, request);
        let wanted = request.tools.iter().enumerate().filter(|(_, tool)| is_wanted(tool));
        groups.entry(wanted.map(|(number, _)| number).collect()).or_default().push(file);
    }
    for (numbers, files) in groups.into_iter().filter(|(numbers, _)| !numbers.is_empty()) {
        let tools: Vec<&Tool> = numbers.into_iter().map(|number| request.tools[number]).collect();
        for (setups, files) in tooling.batches(&tools, &files) {
            match tooling.rewrite(&tools, &setups, &files, actions) {
                Ok(batch) => all.extend(batch),
                Err(wrong) => errors.extend(wrong),
            }
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(crate::missing::together(errors)) }
}

/// How a tool is run for some files: out of which resolve, and with which file of configuration.
type Setup = (String, Option<String>);

/// A tool in its virtualenv.
#[derive(Clone)]
pub(super) struct Equipped {
    pub(super) configuration: Configuration,
    pub(super) environment: ActionId,
    pub(super) builds: Vec<SourceBuild>,
    /// What stands for its resolve in messages.
    label: Label,
    place: Place,
}

impl Equipped {
    /// The same in another virtualenv, for which something else is built.
    pub(super) fn with(&self, environment: ActionId, builds: Vec<SourceBuild>) -> Equipped {
        Equipped { environment, builds, ..self.clone() }
    }
}

/// How a tool is run.
pub(super) struct Run<'a> {
    /// Its arguments before those of the user.
    pub(super) words: &'a [String],
    /// The exit codes that are no failure besides 0.
    pub(super) codes: &'a [i32],
    /// The file that configures it, where it has to be told.
    pub(super) nearest: Option<&'a String>,
    pub(super) files: &'a [String],
    /// The folder of its virtualenv in the tree that it shares.
    pub(super) below: &'a str,
}

/// Files on their way to batches.
pub(super) struct Tooling<'a, 'b> {
    pub(super) request: &'a ToolRequest<'a>,
    pub(super) analysis: &'a Analysis<'b>,
    surroundings: Surroundings,
    /// The requirement of each resolve that has one.
    requirements: BTreeMap<String, NodeId>,
    /// What stands for the others.
    first: Option<NodeId>,
    /// Each tool out of each resolve; none where that went wrong.
    equipped: BTreeMap<(String, String), Option<Equipped>>,
}

impl<'a, 'b> Tooling<'a, 'b> {
    fn new(files: &[NodeId], request: &'a ToolRequest<'a>, analysis: &'a Analysis<'b>) -> Self {
        let requirements = requirements_of_resolves(analysis.graph, &analysis.settings.default_resolve);
        Tooling {
            request,
            analysis,
            surroundings: Surroundings::of(analysis.graph, analysis.roots),
            requirements: requirements.into_iter().collect(),
            first: files.first().map(|file| analysis.graph.owner(*file)),
            equipped: BTreeMap::new(),
        }
    }

    /// The files in batches that some tools are run for in the same way.
    fn batches(&self, tools: &[&Tool], files: &[NodeId]) -> Vec<(Vec<Setup>, Vec<String>)> {
        let graph = self.analysis.graph;
        let mut groups = BTreeMap::<Vec<Setup>, BTreeSet<&str>>::new();
        for &node in files {
            let Some(path) = graph.file(node) else { continue };
            let setup = |tool: &&Tool| {
                let resolve = (self.request.resolve)(tool, graph.target(node));
                let nearest = tool.config_option.as_ref().and_then(|_| self.configuration(tool, path).next());
                (resolve, nearest)
            };
            groups.entry(tools.iter().map(setup).collect()).or_default().insert(path);
        }
        let mut batches = Vec::new();
        for (setups, files) in groups {
            let parts = parts(files.into_iter().map(|path| (path, path.to_owned())), &SIZE);
            batches.extend(parts.into_iter().map(|batch| (setups.clone(), batch)));
        }
        batches
    }

    pub(super) fn contents<'f>(
        &self,
        files: impl IntoIterator<Item = &'f String>,
    ) -> BTreeMap<String, Digest> {
        files.into_iter().map(|path| (path.clone(), (self.analysis.files)(path).digest)).collect()
    }

    pub(super) fn configuration(&self, tool: &Tool, path: &str) -> impl Iterator<Item = String> + use<> {
        (self.request.configuration)(tool, path).into_iter()
    }

    /// A tool that looks at a batch.
    fn look(
        &mut self,
        tool: &Tool,
        setup: &Setup,
        files: &[String],
        actions: &mut ActionGraph,
    ) -> Result<Batch, Vec<RuleError>> {
        let equipped = self.equip(tool, &setup.0, actions)?;
        let words = tool.check_args.as_deref().unwrap_or_default();
        let nearest = setup.1.as_ref();
        let run = Run { words, codes: &tool.exit_codes, nearest, files, below: "" };
        let process = Process { outputs: vec![EXIT_CODE.to_owned()], ..process(tool, &run, &equipped) };
        let inputs = vec![
            Input::Tree(self.tree(&[tool], files, true, &equipped.label)?),
            Input::Action(equipped.environment),
        ];
        let action = actions.add(Verb::Run(process), inputs, describe(tool, files));
        Ok(Batch {
            tool: tool.name.clone(),
            files: self.contents(files),
            asked: files.len(),
            action,
            runs: vec![(action, tool.name.clone())],
            builds: equipped.builds,
            place: equipped.place,
        })
    }

    /// Tools of which each rewrites what the one before made of a batch.
    fn rewrite(
        &mut self,
        tools: &[&Tool],
        setups: &[Setup],
        files: &[String],
        actions: &mut ActionGraph,
    ) -> Result<Option<Batch>, Vec<RuleError>> {
        let mut batch: Option<Batch> = None;
        for (&tool, setup) in tools.iter().zip(setups) {
            let equipped = self.equip(tool, &setup.0, actions)?;
            let beside = self.tree(&[tool], files, batch.is_none(), &equipped.label)?;
            let input = match &batch {
                None => Input::Tree(beside),
                Some(before) => {
                    let prefixes = vec![String::new(); 2];
                    let inputs = vec![Input::Tree(beside), Input::Action(before.action)];
                    Input::Action(actions.add(Verb::Merge { prefixes }, inputs, "pass files on"))
                }
            };
            let words = tool.rewrite_args.as_deref().unwrap_or_default();
            // What a linter cannot mend is no failure of it.
            let codes = if tool.goal == ToolGoal::Fmt { &[][..] } else { &tool.exit_codes };
            let run = Run { words, codes, nearest: setup.1.as_ref(), files, below: "" };
            let process = Process { outputs: files.to_vec(), ..process(tool, &run, &equipped) };
            let inputs = vec![input, Input::Action(equipped.environment)];
            let action = actions.add(Verb::Run(process), inputs, describe(tool, files));
            let (mut runs, mut builds) = batch.map_or_else(Default::default, |one| (one.runs, one.builds));
            runs.push((action, tool.name.clone()));
            builds.extend(equipped.builds);
            let (tool, asked, place) = (tool.name.clone(), files.len(), equipped.place);
            let files = self.contents(files);
            batch = Some(Batch { tool, files, asked, action, runs, builds, place });
        }
        Ok(batch)
    }

    /// What tools find: the files that configure them, what lets them tell modules of the repository from others, and the
    /// files themselves, unless something else brings these.
    fn tree(
        &self,
        tools: &[&Tool],
        files: &[String],
        has_files: bool,
        of: &Label,
    ) -> Result<Digest, Vec<RuleError>> {
        let analysis = self.analysis;
        let configuration =
            |path: &String| tools.iter().flat_map(|tool| self.configuration(tool, path)).collect::<Vec<_>>();
        let mut found: BTreeSet<String> = files.iter().flat_map(configuration).collect();
        if has_files {
            found.extend(files.iter().cloned());
        }
        let mut tree = store::Tree::new();
        let failed = |error| vec![RuleError::Tree { error, label: of.clone() }];
        for path in &found {
            let entry = (analysis.files)(path);
            tree.add_file(path, entry.digest, entry.executable).map_err(failed)?;
        }
        let empty = analysis.store.put(b"").map_err(|error| vec![RuleError::Store(error)])?;
        let taken = |path: &str| found.contains(path) || files.iter().any(|file| file == path);
        let beside = self.surroundings.files(analysis.graph, files);
        for path in beside.into_iter().filter(|path| !taken(path)) {
            tree.add_file(path, empty, false).map_err(failed)?;
        }
        analysis.store.put_tree(&tree).map_err(|error| vec![RuleError::Store(error)])
    }

    /// The virtualenv of a tool out of a resolve.
    fn equip(
        &mut self,
        tool: &Tool,
        resolve: &str,
        actions: &mut ActionGraph,
    ) -> Result<Equipped, Vec<RuleError>> {
        let key = (tool.name.clone(), resolve.to_owned());
        if let Some(known) = self.equipped.get(&key) {
            // What is wrong is told once.
            return known.clone().ok_or_else(Vec::new);
        }
        let made = self.make(tool, resolve, None, &[], actions);
        self.equipped.insert(key, made.as_ref().ok().cloned());
        made
    }

    /// The virtualenv of a tool out of a resolve, for a Python or the newest there is, and of what else is needed in it.
    pub(super) fn make(
        &self,
        tool: &Tool,
        resolve: &str,
        configuration: Option<Configuration>,
        more: &[Wish],
        actions: &mut ActionGraph,
    ) -> Result<Equipped, Vec<RuleError>> {
        let Analysis { graph, settings, interpreters, .. } = self.analysis;
        let Some(node) = self.requirements.get(resolve).copied().or(self.first) else {
            return Err(Vec::new());
        };
        let program = graph.target(node);
        let known = (self.analysis.resolves)(resolve).filter(|known| known.lock.is_some());
        let (Some(known), Some(lock)) = (known, known.and_then(|known| known.lock)) else {
            return Err(vec![RuleError::NoLock {
                resolve: resolve.to_owned(),
                path: known.map_or_else(String::new, |known| known.path.to_owned()),
                label: program.label.clone(),
                requirements: format!("the tool {}", tool.name),
                place: program.place.clone(),
            }]);
        };
        let configuration = match configuration {
            Some(configuration) => configuration,
            None => {
                let bounds = Bounds::of(graph, node, &Closure::default(), known.constraints)?;
                newest_here(program, settings, &bounds, lock, *interpreters)?
            }
        };
        let mut wishes = wishes(tool, lock, program);
        wishes.extend(more.iter().cloned());
        let needs =
            Needs { analysis: self.analysis, program, wishes: &wishes, resolve, lock, lock_path: known.path };
        let wheels = needs.bring(needs.choose(&[configuration])?, actions)?;
        let environment = environment::tree(&configuration, &wheels, &program.label, self.analysis, actions);
        let (label, place) = (program.label.clone(), program.place.clone());
        Ok(Equipped { configuration, environment, builds: wheels.builds, label, place })
    }
}

/// A tool, and of its plugins those that the lock was asked for.
pub(super) fn wishes(tool: &Tool, lock: &packaging::lock::Lock, program: &Target) -> Vec<Wish> {
    let patterns: Vec<_> = tool.packages.iter().filter_map(|pattern| Glob::new(pattern).ok()).collect();
    let matchers: Vec<_> = patterns.iter().map(Glob::compile_matcher).collect();
    let wish = |requirement| Wish { requirement, label: program.label.clone(), place: program.place.clone() };
    let asked = lock.requirements.iter().filter(|requirement| {
        matchers.iter().any(|matcher| matcher.is_match(requirement.name.as_ref() as &str))
    });
    let mut found: Vec<Wish> = asked.cloned().map(wish).collect();
    let is_tool = |name: &str| name == tool.project();
    if !found.iter().any(|wish| is_tool(wish.requirement.name.as_ref())) {
        found.extend(tool.project().parse().ok().map(wish));
    }
    found
}

/// A tool that is run for some files.
pub(super) fn process(tool: &Tool, run: &Run<'_>, equipped: &Equipped) -> Process {
    let codes: Vec<String> = std::iter::once(&0).chain(run.codes).map(ToString::to_string).collect();
    let mut arguments: Vec<String> = ["-I", "-c", RUN].map(ToOwned::to_owned).to_vec();
    arguments.extend([codes.join(","), tool.module.clone()]);
    arguments.extend(run.words.iter().chain(&tool.args).cloned());
    if let (Some(option), Some(nearest)) = (&tool.config_option, run.nearest) {
        arguments.extend([option.clone(), nearest.clone()]);
    }
    arguments.extend(run.files.iter().map(|file| match file.starts_with('-') {
        true => format!("./{file}"),
        false => file.clone(),
    }));
    Process {
        program: environment::python(&equipped.configuration, run.below),
        arguments,
        environment: environment::variables(),
        outputs: Vec::new(),
        keeps_failed: true,
        shared: Some(ENVIRONMENT.to_owned()),
        timeout: None,
        needs: engine::Needs::default(),
        keeps: None,
    }
}

pub(super) fn describe(tool: &Tool, files: &[String]) -> String {
    match files {
        [only] => format!("{} {only}", tool.name),
        [first, ..] => format!("{} {first} and {} more", tool.name, files.len() - 1),
        [] => tool.name.clone(),
    }
}
