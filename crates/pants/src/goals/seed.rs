//! The goal `seed`: makes the environment of a PEX without starting it. Needs no repository.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use packaging::interpreter::{Finder, Memo};
use packaging::pex::Seed;
use serde_json::json;

use crate::cli::Output;
use crate::console::Console;
use crate::diagnostic::{Diagnostic, Exit};
use crate::environment::Environment;
use crate::machine::search_paths;

/// Make the environment of a PEX ahead of its first start
///
/// It carries out the start plan of the PEX, and does not run the program: a step of a container recipe, after which
/// every start is a next one. Prints where the environment is.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A PEX with a start plan
    #[arg(value_name = "PEX")]
    pex: PathBuf,

    /// Where the PEX looks for environments [default: $PEX_ROOT, else ~/.cache/pex]
    #[arg(long, value_name = "DIR")]
    pex_root: Option<PathBuf>,
}

/// Remembers nothing: one interpreter is asked for once.
struct Forgetful;

impl Memo for Forgetful {
    fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn put(&self, _: &[u8], _: &[u8]) {}
}

pub(crate) fn run(
    arguments: &Arguments,
    console: &Console,
    environment: &Environment,
) -> Result<Exit, Vec<Diagnostic>> {
    let shown = arguments.pex.display();
    let pex = environment.folder.join(&arguments.pex);
    let seed = Seed::read(&pex).map_err(|error| {
        let message = format!("`{shown}` cannot be seeded: {error}");
        let message = match std::error::Error::source(&error) {
            Some(cause) => format!("{message}: {cause}"),
            None => message,
        };
        vec![Diagnostic::error(Exit::Wrong, error.code(), message).help(error.help())]
    })?;
    let entries = ["<PATH>", "<PYENV>"].map(ToOwned::to_owned);
    let search = search_paths(environment, &environment.folder, &entries);
    let finder = Finder::new(&search, &Forgetful);
    let Some(python) = seed.pythons.iter().find_map(|wanted| finder.find(*wanted)) else {
        let wanted: Vec<String> = seed.pythons.iter().map(ToString::to_string).collect();
        let message =
            format!("`{shown}` needs CPython {}, which is not on this machine", wanted.join(" or "));
        return Err(vec![Diagnostic::error(Exit::Environment, "seed::no_interpreter", message)]);
    };
    let root = match &arguments.pex_root {
        Some(root) => environment.folder.join(root),
        None => environment.path(environment.get("PEX_ROOT").unwrap_or("~/.cache/pex"), &environment.folder),
    };
    let mut command = Command::new(&python.path);
    command.args(["-sSE", "-c", &seed.program]).arg(&pex).arg(&root).env_clear();
    command.envs(environment.home().map(|home| ("HOME", home))).current_dir(&environment.folder);
    let failed = |reason: &str| {
        let message = format!("`{shown}` was not seeded: {reason}");
        vec![Diagnostic::error(Exit::Environment, "seed::declined", message)]
    };
    let output = command.output().map_err(|error| failed(&error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let made = String::from_utf8_lossy(&output.stdout);
    match console.output {
        Output::Text => console.answer(&made),
        Output::Json => console.answer(&format!("{}\n", json!({ "environment": made.trim_end() }))),
    }
    Ok(Exit::Done)
}
