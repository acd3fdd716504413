//! The goal `cache`: what the cache takes and for what, and how to make it smaller.

mod du;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use engine::size;
use packaging::index::sweep_partial;
use serde_json::{Value, json};
use store::{Store, StoreError};

use crate::cli::Output;
use crate::diagnostic::{Diagnostic, Exit};
use crate::session::{Session, failed};

/// How long another process that writes to the cache is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Folders of the cache that belong to whoever is at work with it: tools, and what programs were run in.
const TOOLS: [&str; 3] = ["tools", "uv", "sandboxes"];

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
    /// Say which targets and distributions take how much of it
    ///
    /// The largest comes first. What several share counts for each of them; `alone` is what no other has a part in, and
    /// the sums count everything once.
    Du,
    /// Remove what was used least lately until it is within its budget
    Gc {
        /// How much may stay, such as `5 GB` [default: the budget]
        #[arg(long, value_name = "SIZE", value_parser = parse)]
        budget: Option<u64>,
    },
    /// Remove everything but what a pants that runs relies on
    Clear {
        /// Also what other versions of pants have left in layouts of their own
        #[arg(long)]
        all: bool,
    },
    /// Hash all that is in it again, and remove what is damaged
    Verify,
}

fn parse(text: &str) -> Result<u64, String> {
    size::parse(text).ok_or_else(|| "expected a size such as `20 GB` or `512 MiB`".to_owned())
}

pub(crate) fn run(session: &Session<'_>, arguments: &Arguments) -> Result<Exit, Vec<Diagnostic>> {
    let store = session.store()?;
    let (json, text) = match &arguments.command {
        Command::Stats => stats(session, store)?,
        Command::Du => du::du(session, store).map_err(failed)?,
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
        Command::Clear { all } => clear(session, store, *all).map_err(failed)?,
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

fn stats(session: &Session<'_>, store: &Store) -> Result<(Value, String), Vec<Diagnostic>> {
    let usage = store.usage().map_err(failed)?;
    let budget = session.budget()?;
    let [files, database, other, all, limit] =
        [usage.file_bytes, usage.database_bytes, usage.other_bytes, usage.bytes(), budget].map(size::show);
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
    Ok((json, text))
}

fn clear(session: &Session<'_>, store: &Store, all: bool) -> Result<(Value, String), StoreError> {
    let before = store.usage()?.bytes();
    let cleared = store.clear(PATIENCE)?;
    // Whoever is at work with one of them holds its lock.
    sweep_partial(&session.cache_dir.join("partial"), SystemTime::now());
    if cleared.alone {
        for name in TOOLS {
            remove(&session.cache_dir.join(name))?;
        }
    }
    let (freed_by_others, busy) = if all { store.clear_other_layouts()? } else { (0, Vec::new()) };
    let freed = before.saturating_sub(store.usage()?.bytes()).max(freed_by_others);
    let mut text = format!(
        "{} freed: {} outcomes, {} files\n",
        size::show(freed),
        cleared.collected.outcomes,
        cleared.collected.blobs
    );
    if !cleared.alone {
        text.push_str("another pants is at work: what it relies on stays, and so do the tools\n");
    }
    for folder in &busy {
        text.push_str(&format!("in use by another version, and stays: {}\n", folder.display()));
    }
    let json = json!({
        "bytes": freed,
        "outcomes": cleared.collected.outcomes,
        "blobs": cleared.collected.blobs,
        "alone": cleared.alone,
        "in_use": busy,
    });
    Ok((json, text))
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::Io { action: "remove", path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}
