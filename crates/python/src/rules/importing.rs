//! Tools that have to import what the files import: those of one resolve and Python in one process, which finds all that
//! they reach, and the distributions beside those of the tool.

use std::collections::{BTreeMap, BTreeSet};

use engine::{ActionGraph, ActionId, Input, Keeps, Literal, Process, Verb};
use graph::{Label, NodeId, Target};
use packaging::environment::Scheme;
use packaging::target::Target as Configuration;
use store::{Digest, DigestFunction};

use super::distributions::{Distributions, Needs};
use super::environment::{self, WORK};
use super::tooling::{Batch, EXIT_CODE, Equipped, Run, Tooling, describe, process, wishes};
use super::wheels::Wheels;
use crate::closure::Wish;
use crate::error::RuleError;
use crate::requirements::resolve_of;
use crate::tools::{KEPT, Tool};

/// Where the virtualenvs of the tool and of the files are in the tree that a process shares, where there are two.
const TOOL: &str = "tool";
const DEPENDENCIES: &str = "dependencies";
/// Runs a tool that remembers things in a folder.
const KEEPING: &str = include_str!("keeping.py");
/// What is in the configuration of a tool that has plugins.
const PLUGINS: &str = "plugins";
/// A name of a file at the root.
const AT_ROOT: &str = "x";

/// Files that one process looks at, and what they reach.
#[derive(Default)]
struct Group {
    /// The first target, which stands for all in messages.
    first: Option<NodeId>,
    files: BTreeSet<String>,
    reached: BTreeSet<String>,
    roots: BTreeSet<String>,
    requirements: Vec<Wish>,
}

impl Tooling<'_, '_> {
    /// A tool that looks at files with all that they import.
    pub(super) fn look_with_imports(
        &mut self,
        tool: &Tool,
        files: &[NodeId],
        actions: &mut ActionGraph,
    ) -> Result<Vec<Batch>, Vec<RuleError>> {
        let (mut batches, mut errors) = (Vec::new(), Vec::new());
        for ((resolve, configuration), group) in self.groups(files)? {
            match self.look_at_group(tool, (&resolve, configuration), group, actions) {
                Ok(batch) => batches.push(batch),
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(batches) } else { Err(errors) }
    }

    /// The files by the resolves and Pythons of their targets: of several Pythons the oldest, for which the others have all
    /// that it has, and more.
    fn groups(&self, files: &[NodeId]) -> Result<BTreeMap<(String, Configuration), Group>, Vec<RuleError>> {
        let graph = self.analysis.graph;
        let mut owners = BTreeMap::<NodeId, Vec<&str>>::new();
        for &file in files {
            owners.entry(graph.owner(file)).or_default().extend(graph.file(file));
        }
        let (mut groups, mut errors) = (BTreeMap::<_, Group>::new(), Vec::new());
        for (owner, paths) in owners {
            let known = match environment::known(owner, self.analysis) {
                Ok(known) => known,
                Err(wrong) => {
                    errors.extend(wrong);
                    continue;
                }
            };
            let Some(configuration) = known.shared.iter().flatten().min() else { continue };
            let resolve = resolve_of(known.program, &self.analysis.settings.default_resolve).to_owned();
            let group = groups.entry((resolve, *configuration)).or_default();
            group.first.get_or_insert(owner);
            group.files.extend(paths.into_iter().map(ToOwned::to_owned));
            group.reached.extend(known.closure.paths().map(ToOwned::to_owned));
            group.roots.extend(known.closure.source_roots());
            for wish in known.closure.requirements {
                if !group.requirements.iter().any(|one| one.requirement == wish.requirement) {
                    group.requirements.push(wish);
                }
            }
        }
        // A module that has a stub is looked at by the stub alone.
        for group in groups.values_mut() {
            let stubs: Vec<String> =
                group.files.iter().filter_map(|path| Some(path.strip_suffix('i')?.to_owned())).collect();
            for path in &stubs {
                group.files.remove(path);
            }
        }
        if errors.is_empty() { Ok(groups) } else { Err(errors) }
    }

    fn look_at_group(
        &mut self,
        tool: &Tool,
        (resolve, configuration): (&str, Configuration),
        group: Group,
        actions: &mut ActionGraph,
    ) -> Result<Batch, Vec<RuleError>> {
        let first = group.first.expect("a group has files");
        let target = self.analysis.graph.target(first);
        let of_tool = (self.request.resolve)(tool, target);
        let (equipped, below, dependencies) = if of_tool == resolve {
            let equipped = self.make(tool, &of_tool, Some(configuration), &group.requirements, actions)?;
            (equipped, "", "")
        } else {
            let equipped = self.make(tool, &of_tool, Some(configuration), &[], actions)?;
            (self.join(tool, resolve, &equipped, (target, &group), actions)?, TOOL, DEPENDENCIES)
        };
        let words = words(tool, &configuration, dependencies, &group.roots);
        let files: Vec<String> = group.files.iter().cloned().collect();
        let codes = &tool.exit_codes;
        let run = Run { words: &words, codes, nearest: None, files: &files, below };
        let mut process = Process { outputs: vec![EXIT_CODE.to_owned()], ..process(tool, &run, &equipped) };
        if self.keeps(tool)? {
            let codes = process.arguments[3].clone();
            process.arguments.splice(2..4, [KEEPING.to_owned(), codes, KEPT.to_owned()]);
        }
        if let Some(variable) = &tool.roots_variable {
            let roots: Vec<String> = group.roots.iter().map(|root| graph::join(WORK, root)).collect();
            process.environment.insert(variable.clone(), roots.join(":"));
        }
        if self.keeps(tool)? && !self.request.anew {
            let name = self.name_of_kept(tool, &group, &process);
            process.keeps = Some(Keeps { folder: KEPT.to_owned(), name });
        }
        let inputs =
            vec![Input::Tree(self.whole(tool, &group, &target.label)?), Input::Action(equipped.environment)];
        let action = actions.add(Verb::Run(process), inputs, describe(tool, &files));
        Ok(Batch {
            tool: tool.name.clone(),
            // What is wrong with what they import is told as well.
            files: self.contents(group.reached.iter().chain(&group.files)),
            asked: group.files.len(),
            action,
            runs: vec![(action, tool.name.clone())],
            builds: equipped.builds,
            place: target.place.clone(),
        })
    }

    /// Whether a tool remembers things from run to run. A plugin may read what the tool knows nothing of.
    fn keeps(&self, tool: &Tool) -> Result<bool, Vec<RuleError>> {
        if !tool.keeps {
            return Ok(false);
        }
        for path in self.configuration(tool, AT_ROOT) {
            let text = self.analysis.store.read(&(self.analysis.files)(&path).digest);
            let text = text.map_err(|error| vec![RuleError::Store(error)])?;
            if String::from_utf8_lossy(&text).contains(PLUGINS) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is remembered holds for the same arguments, configuration and modules, whatever is in these: mypy does not see
    /// that a module is there now which it did not find before.
    fn name_of_kept(&self, tool: &Tool, group: &Group, process: &Process) -> String {
        let mut text = process.arguments.join("\0");
        text.extend(process.environment.iter().map(|(name, value)| format!("\0{name}={value}")));
        text.extend(group.reached.iter().map(|path| format!("\0{path}")));
        for path in self.configuration(tool, AT_ROOT) {
            text.push_str(&format!("\0{path} {}", (self.analysis.files)(&path).digest));
        }
        format!("{} {}", tool.name, DigestFunction::default().digest(text.as_bytes()))
    }

    /// The virtualenv of a tool beside that of what some files need.
    fn join(
        &self,
        tool: &Tool,
        resolve: &str,
        equipped: &Equipped,
        (target, group): (&Target, &Group),
        actions: &mut ActionGraph,
    ) -> Result<Equipped, Vec<RuleError>> {
        let configuration = equipped.configuration;
        let wheels = self.wheels(tool, resolve, configuration, (target, group), actions)?;
        let (environment, builds) = wheels;
        let python = format!("bin/{}", Scheme::of(&configuration).python());
        let link = Literal::Symlink(format!("../../{TOOL}/{python}"));
        let link = Verb::Write(vec![(graph::join(DEPENDENCIES, &python), link)]);
        let link = actions.add(link, Vec::new(), "link the Python");
        let prefixes = [TOOL, DEPENDENCIES, ""].map(ToOwned::to_owned).to_vec();
        let inputs = [equipped.environment, environment, link].map(Input::Action).to_vec();
        let environment = actions.add(Verb::Merge { prefixes }, inputs, format!("equip {}", tool.name));
        let builds = equipped.builds.iter().cloned().chain(builds).collect();
        Ok(equipped.with(environment, builds))
    }

    /// The virtualenv of what some files need, with what their lock was asked for of the tool's plugins: stubs.
    fn wheels(
        &self,
        tool: &Tool,
        resolve: &str,
        configuration: Configuration,
        (target, group): (&Target, &Group),
        actions: &mut ActionGraph,
    ) -> Result<(ActionId, Vec<super::SourceBuild>), Vec<RuleError>> {
        let known = (self.analysis.resolves)(resolve);
        let lock = known.and_then(|known| known.lock);
        let mut needed = group.requirements.clone();
        if let Some(lock) = lock {
            let plugins = wishes(tool, lock, target).into_iter();
            needed.extend(plugins.filter(|wish| wish.requirement.name.as_ref() != tool.project()));
        }
        let needs = known.zip(lock).filter(|_| !needed.is_empty()).map(|(known, lock)| Needs {
            analysis: self.analysis,
            program: target,
            wishes: &needed,
            resolve,
            lock,
            lock_path: known.path,
        });
        let wheels = match &needs {
            Some(needs) => needs.bring(needs.choose(&[configuration])?, actions)?,
            None => Wheels::of_none(Distributions::of_none(&[configuration])),
        };
        let tree = environment::tree(&configuration, &wheels, &target.label, self.analysis, actions);
        Ok((tree, wheels.builds))
    }

    /// All files that some reach, and what configures the tool at the root.
    fn whole(&self, tool: &Tool, group: &Group, of: &Label) -> Result<Digest, Vec<RuleError>> {
        let configuration: BTreeSet<String> = self.configuration(tool, AT_ROOT).collect();
        let mut tree = store::Tree::new();
        let all: BTreeSet<&String> = group.reached.iter().chain(&group.files).chain(&configuration).collect();
        for path in all {
            let entry = (self.analysis.files)(path);
            tree.add_file(path, entry.digest, entry.executable)
                .map_err(|error| vec![RuleError::Tree { error, label: of.clone() }])?;
        }
        self.analysis.store.put_tree(&tree).map_err(|error| vec![RuleError::Store(error)])
    }
}

/// The arguments of a tool, which name the Python of what is imported, its version and the source roots.
fn words(
    tool: &Tool,
    configuration: &Configuration,
    dependencies: &str,
    roots: &BTreeSet<String>,
) -> Vec<String> {
    let environment = match dependencies {
        "" => "$VIRTUAL_ENV".to_owned(),
        below => format!("$VIRTUAL_ENV/{below}"),
    };
    let packages = format!("{environment}/{}", Scheme::of(configuration).site_packages());
    let roots: Vec<&str> = roots.iter().map(|root| if root.is_empty() { "." } else { root }).collect();
    let fill = |word: &String| {
        word.replace("{python}", &format!("{environment}/bin/python"))
            .replace("{version}", &configuration.minor().to_string())
            .replace("{packages}", &packages)
            .replace("{roots}", &roots.join(":"))
    };
    tool.check_args.iter().flatten().map(fill).collect()
}
