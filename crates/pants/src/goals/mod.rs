//! The goals, one file each: its arguments, whose comments are its help, and a short function over the session.

pub(crate) mod affected;
mod answer;
pub(crate) mod binary;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod ci;
pub(crate) mod completions;
pub(crate) mod dependencies;
pub(crate) mod dependents;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod filedeps;
pub(crate) mod fix;
pub(crate) mod fmt;
pub(crate) mod fmt_build;
pub(crate) mod help;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod package;
pub(crate) mod paths;
pub(crate) mod peek;
pub(crate) mod pex;
pub(crate) mod publish;
pub(crate) mod query;
pub(crate) mod repl;
pub(crate) mod rewritten;
pub(crate) mod roots;
pub(crate) mod run;
pub(crate) mod sbom;
pub(crate) mod seed;
pub(crate) mod tailor;
pub(crate) mod test;
pub(crate) mod why;

use std::collections::BTreeSet;

use clap::Args;
use graph::{NodeId, Target, TargetGraph};

use crate::changed::{self, Change, Dependents};
use crate::diagnostic::Diagnostic;
use crate::repository::Repository;
use crate::session::Session;

/// Under which heading of the help the options are that ask git.
const CHANGES: &str = "What a change affects";

/// Temporary files are private; what is written with their help is for all who work on the repository.
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

/// Which targets a goal is about.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Targets {
    /// Addresses (//svc:app, //svc), patterns (//svc/..., svc::, ::) or files
    #[arg(value_name = "TARGET", required_unless_present = "changed_since")]
    pub(crate) targets: Vec<String>,

    #[command(flatten)]
    pub(crate) narrowed: Narrowed,

    #[command(flatten)]
    pub(crate) changed: Changed,
}

/// What takes targets away.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Narrowed {
    /// Take these away again
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,

    /// Only targets with this tag, or with one of TAG,TAG; with -TAG only those without
    #[arg(long, value_name = "TAG", allow_hyphen_values = true)]
    pub(crate) tag: Vec<String>,
}

/// Which change the targets have to do with.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Changed {
    /// Only targets that differ from where HEAD and REV part, uncommitted and untracked files included
    #[arg(long, value_name = "REV", env = "PANTS_CHANGED_SINCE", hide_env = true)]
    #[arg(help_heading = CHANGES)]
    pub(crate) changed_since: Option<String>,

    /// Also what depends on these: directly, or through others
    #[arg(long, value_name = "WHICH", env = "PANTS_CHANGED_DEPENDENTS", hide_env = true)]
    #[arg(help_heading = CHANGES)]
    pub(crate) changed_dependents: Option<Dependents>,
}

impl Targets {
    /// The nodes that they are.
    pub(crate) fn select(
        &self,
        session: &Session<'_>,
        repository: &Repository,
    ) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
        Ok(self.selected(session, repository)?.0)
    }

    /// The nodes that they are, and the change that they have to do with.
    fn selected(
        &self,
        session: &Session<'_>,
        repository: &Repository,
    ) -> Result<(Vec<NodeId>, Option<Change>), Vec<Diagnostic>> {
        let graph = &repository.graph;
        let mut nodes = self.narrowed.select(session, repository, &self.targets)?;
        let Some(since) = &self.changed.changed_since else { return Ok((nodes, None)) };
        let dependents = self.changed.changed_dependents.unwrap_or(Dependents::None);
        let change = changed::since(session, repository, since)?;
        let affected: BTreeSet<NodeId> = change.affected(graph, dependents).into_iter().collect();
        nodes.retain(|node| affected.contains(&graph.owner(*node)));
        Ok((nodes, Some(change)))
    }

    /// The nodes of files `among` what they are. A file that is named stands for itself, and not for its owner.
    pub(crate) fn files(
        &self,
        session: &Session<'_>,
        repository: &Repository,
        among: fn(&TargetGraph, &[NodeId]) -> Vec<NodeId>,
    ) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
        Ok(self.files_and_change(session, repository, among)?.0)
    }

    /// The same, and the change that they have to do with.
    pub(crate) fn files_and_change(
        &self,
        session: &Session<'_>,
        repository: &Repository,
        among: fn(&TargetGraph, &[NodeId]) -> Vec<NodeId>,
    ) -> Result<(Vec<NodeId>, Option<Change>), Vec<Diagnostic>> {
        let graph = &repository.graph;
        let (nodes, change) = self.selected(session, repository)?;
        let mut files = among(graph, &nodes);
        if !self.targets.is_empty() {
            let mut wanted = BTreeSet::new();
            for text in &self.targets {
                wanted.extend(among(graph, &session.select_files(graph, text)?));
            }
            files.retain(|file| wanted.contains(file));
        }
        Ok((files, change))
    }
}

impl Narrowed {
    /// What some patterns match, all targets if there are none, without what is taken away.
    pub(crate) fn select(
        &self,
        session: &Session<'_>,
        repository: &Repository,
        patterns: &[String],
    ) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
        let everything = ["::".to_owned()];
        let patterns = if patterns.is_empty() { &everything } else { patterns };
        let mut nodes = session.select(&repository.graph, patterns, &self.exclude)?;
        if !self.tag.is_empty() {
            nodes.retain(|node| self.has_tags(repository.graph.target(*node)));
        }
        Ok(nodes)
    }

    fn has_tags(&self, target: &Target) -> bool {
        let tags = target.list("tags");
        self.tag.iter().all(|wanted| {
            let (names, with) = match wanted.strip_prefix('-') {
                Some(without) => (without, false),
                None => (wanted.strip_prefix('+').unwrap_or(wanted), true),
            };
            names.split(',').any(|name| tags.contains(&name)) == with
        })
    }
}
