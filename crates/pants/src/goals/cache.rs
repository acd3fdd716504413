//! The goal `cache`: what the cache takes, and how to make it smaller.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::explain;
use crate::session::Session;
use crate::size;

/// How long another process that writes to the cache is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Look at the cache, check it, or make it smaller
///
/// By itself it stays within `[cache] budget` of pants.toml: what was used least lately goes first.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say where it is and what it takes
    Stats,
    /// Remove what was used least lately until it is within its budget
    Gc {
        /// How much may stay, such as `5 GB` [default: the budget]
        #[arg(long, value_name = "SIZE", value_parser = parse)]
        budget: Option<u64>,
    },
    /// Hash all that is in it again, and remove what is damaged
    Verify,
}

fn parse(text: &str) -> Result<u64, String> {
    size::parse(text).ok_or_else(|| "expected a size such as `20 GB` or `512 MiB`".to_owned())
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let store = session.store()?;
    let failed = |error| vec![explain::store(&error)];
    let (json, text) = match &arguments.command {
        Command::Stats => {
            let usage = store.usage().map_err(failed)?;
            let budget = session.budget()?;
            let [files, database, other, all, limit] =
                [usage.file_bytes, usage.database_bytes, usage.other_bytes, usage.bytes(), budget]
                    .map(size::show);
            let json = json!({
                "path": session.cache_dir,
                "bytes": usage.bytes(),
                "budget": budget,
                "files": usage.files,
                "file_bytes": usage.file_bytes,
                "database_bytes": usage.database_bytes,
                "other_bytes": usage.other_bytes,
            });
            let text = format!(
                "{}\n{:>10}  in {} large files: wheels and what is made of sources\n{database:>10}  in the database: small \
                 files, outcomes, what is remembered\n{other:>10}  else: downloads that were cut, tools, what is not \
                 finished\n{all:>10}  of {limit}\n",
                session.cache_dir.display(),
                files,
                usage.files,
            );
            (json, text)
        }
        Command::Gc { budget } => {
            let budget = budget.map_or_else(|| session.budget(), Ok)?;
            let collected = store.collect(budget, session.began, PATIENCE).map_err(failed)?;
            let json = json!({
                "budget": budget,
                "bytes": collected.bytes,
                "outcomes": collected.outcomes,
                "blobs": collected.blobs,
            });
            let freed = size::show(collected.bytes);
            let text = format!("{freed} freed: {} outcomes, {} files\n", collected.outcomes, collected.blobs);
            (json, text)
        }
        Command::Verify => {
            let (count, corrupt) = store.verify().map_err(failed)?;
            let json = json!({ "blobs": count, "corrupt": corrupt });
            (json, format!("{count} files, {corrupt} of them damaged and removed\n"))
        }
    };
    match session.console.output {
        Output::Text => session.console.answer(&text),
        Output::Json => session.console.answer(&format!("{json:#}\n")),
    }
    Ok(Exit::Done)
}
