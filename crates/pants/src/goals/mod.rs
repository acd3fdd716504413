//! The goals, one file each: its arguments, whose comments are its help, and a short function over the session.

pub(crate) mod binary;
pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod dependencies;
pub(crate) mod help;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod run;
pub(crate) mod seed;

use clap::Args;
use graph::{NodeId, TargetGraph};

use crate::diagnostic::Diagnostic;
use crate::session::Session;

/// Which targets a goal is about.
#[derive(Debug, Default, Args)]
pub(crate) struct Targets {
    /// Addresses (//svc:app, //svc), patterns (//svc/..., svc::, ::) or files
    #[arg(value_name = "TARGET", required = true)]
    pub(crate) targets: Vec<String>,

    /// Take these away again
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,

    /// Only targets with this tag; with -TAG only those without
    #[arg(long, value_name = "TAG", allow_hyphen_values = true)]
    pub(crate) tag: Vec<String>,
}

impl Targets {
    /// The nodes that they are.
    pub(crate) fn select(
        &self,
        session: &Session<'_>,
        graph: &TargetGraph,
    ) -> Result<Vec<NodeId>, Vec<Diagnostic>> {
        let mut nodes = session.select(graph, &self.targets, &self.exclude)?;
        nodes.retain(|node| {
            let tags = graph.target(*node).list("tags");
            self.tag.iter().all(|tag| match tag.strip_prefix('-') {
                Some(without) => !tags.contains(&without),
                None => tags.contains(&tag.as_str()),
            })
        });
        Ok(nodes)
    }
}
