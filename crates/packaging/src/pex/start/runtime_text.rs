//! The texts that the runtime writes into an environment, taken from the runtime itself: its release is pinned, so what
//! is looked for in its sources is there. Writes none of its own.

use store::{Digest, Entry as TreeEntry, Store};

use super::super::boot::venv_hermetic_argument;
use super::super::entry::EntryPoint;
use super::super::options::{BinPath, PexOptions};
use super::super::python_text::{boolean, repr, repr_list, repr_pairs};
use super::super::runtime::RUNTIME;
use super::super::steps::StepError;
use super::StartSpec;
use super::write::MARK;
use crate::environment::{EntryScripts, Environment, Node, Scheme};

/// What messages call the one who brings these files.
const OWNER: &str = "the runtime";

/// What is taken from the runtime's sources.
pub(super) struct Texts {
    /// The scripts that start entry points.
    pub(super) entry_scripts: EntryScripts,
    /// The module that extends `sys.path`, and the line that imports it.
    extra_path: String,
    extra_line: String,
    /// `__main__.py`, with names in braces.
    main: String,
    main_code: String,
    /// `pex-repl`, with names in braces.
    repl: String,
    repl_module: String,
    repl_function: String,
}

impl Texts {
    /// Reads the runtime's sources.
    pub(super) fn read(store: &Store, bootstrap: &Digest) -> Result<Texts, StepError> {
        let tree = store.tree(bootstrap)?;
        let source = |path: &str| match tree.get(path) {
            Some(TreeEntry::File { digest, .. }) => {
                String::from_utf8(store.read(digest)?).map_err(|_| CHANGED)
            }
            _ => Err(CHANGED),
        };
        let (installer, scripts) = (source("pex/venv/installer.py")?, source("pex/entry_points_txt.py")?);
        let repl = source("pex/repl/pex_repl.py")?;
        let script = |marker: &str| {
            let text = template(&scripts, marker)?;
            let text = text.strip_prefix("{shebang}\n").ok_or(CHANGED)?;
            Ok::<_, StepError>(text.replace("{modname!r}", "'@MODULE@'").replace("{attrs!r}", "@ATTRIBUTES@"))
        };
        let line = between(&installer, "\"import PEX_EXTRA_SYS_PATH;", "\"")?;
        let function = between(&repl, "\ndef _create_pex_repl(", "\n\n\n")?;
        Ok(Texts {
            entry_scripts: EntryScripts {
                function: script("isinstance(entry_point, CallableEntryPoint)")?,
                module: script("        else:\n            script = dedent(")?,
            },
            extra_path: template(&installer, "\"PEX_EXTRA_SYS_PATH.py\"")?,
            extra_line: format!("import PEX_EXTRA_SYS_PATH;{line}\n"),
            main: template(&installer, "venv.join_path(\"__main__.py\")")?,
            main_code: source("pex/venv/venv_pex.py")?.trim().to_owned(),
            repl: template(&repl, "def create_pex_repl_exe(")?,
            repl_module: source("pex/repl/custom.py")?.trim().to_owned(),
            repl_function: format!("def _create_pex_repl({}", function.trim_end()),
        })
    }

    /// Adds what the runtime adds to an environment of this many distributions.
    pub(super) fn add(
        &self,
        environment: &mut Environment,
        spec: &StartSpec,
        scheme: &Scheme,
        entry: &EntryPoint,
        distributions: usize,
    ) {
        let site = scheme.site_packages();
        environment.put_text(format!("{site}/PEX_EXTRA_SYS_PATH.py"), &self.extra_path, false, OWNER);
        environment.put_text(format!("{site}/PEX_EXTRA_SYS_PATH.pth"), &self.extra_line, false, OWNER);
        environment.put_text("__main__.py", &self.main(&spec.pex.options, entry), true, OWNER);
        environment.put("pex", Node::Link("__main__.py".to_owned()), OWNER);
        environment.put_text("pex-repl", &self.repl(spec, distributions), true, OWNER);
    }

    fn main(&self, options: &PexOptions, entry: &EntryPoint) -> String {
        let (module, script) = match entry {
            EntryPoint::Repl => (None, None),
            EntryPoint::Module(module) => (Some(module), None),
            EntryPoint::Script(script) => (None, Some(script)),
        };
        let or_none = |text: Option<&str>| text.map_or_else(|| "None".to_owned(), repr);
        let hermetic = venv_hermetic_argument(options);
        let bin_path = match options.venv().map(|venv| venv.bin_path).unwrap_or_default() {
            BinPath::False => "false",
            BinPath::Prepend => "prepend",
            BinPath::Append => "append",
        };
        filled(
            &self.main,
            &[
                ("{shebang}", shebang(options)),
                ("{shebang_python!r}", format!("{MARK}python_literal{MARK}")),
                ("{venv_bin_dir!r}", repr("bin")),
                ("{bin_path!r}", repr(bin_path)),
                ("{strip_pex_env!r}", boolean(options.strip_pex_env).to_owned()),
                ("{bind_resource_paths!r}", repr_pairs(&options.bind_resource_paths)),
                ("{inject_env!r}", repr_pairs(&options.inject_env)),
                ("{inject_args!r}", repr_list(&options.inject_args)),
                ("{entry_point!r}", or_none(module.map(String::as_str))),
                ("{script!r}", or_none(script.map(String::as_str))),
                ("{hermetic_re_exec!r}", or_none(hermetic)),
                ("{set_last_access!r}", "True".to_owned()),
                ("{code}", self.main_code.clone()),
            ],
        )
    }

    fn repl(&self, spec: &StartSpec, distributions: usize) -> String {
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let mut requirements = spec.pex.requirements.clone();
        requirements.sort();
        requirements.dedup();
        let needs = if distributions == 0 {
            "no dependencies".to_owned()
        } else {
            let asked = count(requirements.len(), "requirement");
            format!("{asked} and {}", count(distributions, "activated distribution"))
        };
        let release = RUNTIME.version;
        // The colours are those of the runtime's own banner.
        let banner = format!(
            "'\\x1b[33;7mPex {release} hermetic environment with {needs}.\\x1b[0m\\n\
             Python {MARK}sys_version{MARK} on linux\\n\
             Type \"help\", \"\\x1b[33mpex\\x1b[0m\", \"copyright\", \"credits\" or \"license\" for more information.'"
        );
        let mut summary = vec![format!("Running from --venv PEX file: {MARK}pex{MARK}")];
        if distributions > 0 {
            summary.push("Requirements:".to_owned());
            summary.extend(requirements.iter().map(|text| format!("  {}", within_quotes(text))));
            summary.push("Activated Distributions:".to_owned());
            summary.extend(spec.pex.wheels.iter().map(|wheel| format!("  {}", wheel.name)));
        }
        summary.push(format!(
            "This PEX includes tools. Exit the repl (type quit()) and run \
             `PEX_TOOLS=1 {MARK}pex{MARK} -h` for tools help."
        ));
        filled(
            &self.repl,
            &[
                ("{shebang}", shebang(&spec.pex.options)),
                ("{banner!r}", banner),
                ("{pex_info_summary!r}", format!("'{}'", summary.join("\\n"))),
                ("{ps1!r}", repr(">>>")),
                ("{ps2!r}", repr("...")),
                ("{create_pex_repl}", self.repl_function.clone()),
                ("{custom_module}", self.repl_module.clone()),
            ],
        )
    }
}

const CHANGED: StepError = StepError::Input("the runtime's sources are not those of the pinned release");

/// The first line of what the runtime's own scripts start with.
fn shebang(options: &PexOptions) -> String {
    let arguments = venv_hermetic_argument(options).map(|text| format!(" {text}")).unwrap_or_default();
    format!("#!{MARK}python{MARK}{arguments}")
}

/// Within quotes of a Python text.
fn within_quotes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

/// A template with the texts of its names; each is replaced once, the longest text last.
fn filled(template: &str, names: &[(&str, String)]) -> String {
    names.iter().fold(template.to_owned(), |text, (name, value)| text.replacen(name, value, 1))
}

/// What is between two texts, the first of which comes first.
fn between<'a>(source: &'a str, from: &str, to: &str) -> Result<&'a str, StepError> {
    let (_, after) = source.split_once(from).ok_or(CHANGED)?;
    Ok(after.split_once(to).ok_or(CHANGED)?.0)
}

/// The first text in three quotes after `marker`, without the indentation that all of its lines have.
fn template(source: &str, marker: &str) -> Result<String, StepError> {
    let (_, after) = source.split_once(marker).ok_or(CHANGED)?;
    let text = between(after, "\"\"\"\\\n", "\"\"\"")?;
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let filled = text.lines().filter(|line| !line.trim().is_empty());
    let common = filled.map(indent).min().unwrap_or_default();
    let cut = |line: &str| if line.trim().is_empty() { "" } else { &line[common..] }.to_owned() + "\n";
    // What stands before the closing quotes is no line.
    let lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    Ok(lines.lines().map(cut).collect())
}
