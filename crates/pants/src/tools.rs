//! The tools that actions ask for by symbol, as this machine has them: interpreters, and the shell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::{ActionGraph, Failure, Fault, Tool, Tools, Verb};
use packaging::interpreter::Interpreter;
use packaging::platform::{Machine, Platform};
use packaging::python::Wanted;
use python::configuration::Interpreters;

/// What the symbols of interpreters begin with; an ABI follows, as in `python:cp311`.
const PYTHON: &str = "python:";

/// The symbol of the shell.
const SHELL: &str = "sh";

/// The tools of some actions, looked for before any of them runs.
pub(crate) struct MachineTools {
    found: BTreeMap<String, Tool>,
}

impl MachineTools {
    /// Looks for all tools that `actions` ask for.
    pub(crate) fn of(actions: &ActionGraph, interpreters: &dyn Interpreters) -> MachineTools {
        let mut found = BTreeMap::new();
        for action in actions.actions() {
            let Verb::Run(process) = &action.verb else { continue };
            let Some(symbol) = process.program.tool() else { continue };
            if let Some(tool) = interpreter(symbol, interpreters) {
                found.entry(symbol.to_owned()).or_insert(tool);
            }
        }
        MachineTools { found }
    }

    /// The tools of several.
    pub(crate) fn of_all<'t>(all: impl Iterator<Item = &'t MachineTools>) -> MachineTools {
        let found = all.flat_map(|tools| &tools.found);
        MachineTools { found: found.map(|(symbol, tool)| (symbol.clone(), tool.clone())).collect() }
    }

    /// What these tools need outside the system's folders.
    pub(crate) fn needs(&self) -> Vec<PathBuf> {
        self.found.values().flat_map(|tool| tool.needs.iter().cloned()).collect()
    }
}

/// The shell of the system. What it starts no key knows, and neither which one it is.
fn shell() -> Tool {
    Tool { path: PathBuf::from("/bin/sh"), identity: "sh".to_owned(), needs: Vec::new() }
}

fn interpreter(symbol: &str, interpreters: &dyn Interpreters) -> Option<Tool> {
    if symbol == SHELL {
        return Some(shell());
    }
    let abi = symbol.strip_prefix(PYTHON)?;
    let is = |found: &Interpreter| found.abi.to_string() == abi;
    let digits = abi.strip_prefix("cp")?;
    let flags = digits.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let (major, minor) = digits[..digits.len() - flags.len()].split_at_checked(1)?;
    let wanted: Wanted =
        format!("{major}.{minor}{}", if flags.contains('t') { "t" } else { "" }).parse().ok()?;
    let found = interpreters.find(wanted).filter(is)?;
    // What it builds depends on the platform too.
    let platform = Platform::current(&Machine::detect());
    let platform = platform.map_or_else(|_| "unknown".to_owned(), |platform| platform.to_string());
    let identity = format!("{} {} {abi} {platform}", found.implementation, found.version);
    // Links on the way to it are not in a sandbox.
    let path = found.path.canonicalize().unwrap_or(found.path);
    let needs = needs(&path);
    Some(Tool { path, identity, needs })
}

/// The interpreter, and the folders of its libraries beside the one that it is in: that may be anybody's `bin`. A shim
/// starts what lies anywhere in the folder above.
fn needs(interpreter: &Path) -> Vec<PathBuf> {
    let folder = interpreter.parent();
    let prefix = folder.and_then(Path::parent).filter(|prefix| prefix.parent().is_some());
    if folder.is_some_and(|folder| folder.ends_with("shims")) {
        return prefix.map(Path::to_owned).into_iter().collect();
    }
    let folders = ["lib", "lib64", "include"].into_iter().filter_map(|name| Some(prefix?.join(name)));
    std::iter::once(interpreter.to_owned()).chain(folders).filter(|path| path.exists()).collect()
}

impl Tools for MachineTools {
    fn tool(&self, symbol: &str) -> Result<Tool, Box<dyn Failure>> {
        let missing = || Box::new(NoTool { symbol: symbol.to_owned() }) as Box<dyn Failure>;
        self.found.get(symbol).cloned().ok_or_else(missing)
    }
}

/// A tool that this machine does not have.
#[derive(Debug, thiserror::Error)]
#[error("this machine has no tool `{symbol}`")]
struct NoTool {
    symbol: String,
}

impl Failure for NoTool {
    fn code(&self) -> &'static str {
        "build::no_tool"
    }

    fn fault(&self) -> Fault {
        Fault::Environment
    }

    fn help(&self) -> Option<String> {
        Some("install it, or add the folder that it is in to `[python] interpreter_search_paths`".to_owned())
    }
}
