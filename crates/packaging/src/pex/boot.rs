//! The files by which a PEX starts: `PEX-INFO`, `__main__.py`, the import hook, and what stands before the zip.
//! They agree with each other because they are made in one place. Knows no files on disk.

use super::entry::EntryPoint;
use super::hash::Hasher;
use super::options::{Boot, InheritPath, Layout, PexOptions};
use super::python_text::{boolean, literal, tuple};
use super::spec::PexSpec;
use super::{info, preamble, sh, start};

/// Where the bootstrap is in a PEX.
pub(super) const BOOTSTRAP_FOLDER: &str = ".bootstrap";

/// The files by which a PEX starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BootFiles {
    /// The content of `PEX-INFO`.
    pub(super) info: String,
    /// The content of `__main__.py`, which is executable.
    pub(super) main: String,
    /// The content of `__pex__/__init__.py`.
    pub(super) hook: String,
    /// What a zipapp starts with, before the zip archive; the other layouts have none.
    pub(super) prefix: Option<String>,
    /// The name of the PEX's installed copies.
    pub(super) pex_hash: String,
}

/// What was made before the files by which a PEX starts.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    /// The hash of the user files.
    pub(super) code_hash: &'a str,
    /// The text of `pex/pex_boot.py` of the runtime.
    pub(super) pex_boot: &'a str,
    /// The plans of the first start, by name.
    pub(super) plans: &'a [(String, Vec<u8>)],
}

/// Writes the files of `spec`, which has no [problems](PexSpec::problems).
pub(super) fn files(spec: &PexSpec, entry: &EntryPoint, made: &Made<'_>) -> BootFiles {
    // First without the hash, which is made of everything that will stand in these files.
    let draft = with_hash(spec, entry, made, None);
    let mut hasher = Hasher::new("pex");
    // What is started tells a program where it is, so that no layout may find the installed copy of another.
    hasher.part(&[spec.options.layout as u8]);
    for text in [&draft.info, &draft.main, &draft.hook] {
        hasher.part(text.as_bytes());
    }
    hasher.part(draft.prefix.as_deref().unwrap_or_default().as_bytes());
    for (name, plan) in made.plans {
        hasher.part(name.as_bytes());
        hasher.part(plan);
    }
    if !made.plans.is_empty() {
        hasher.part(start::INSTALLER.as_bytes());
    }
    with_hash(spec, entry, made, Some(&hasher.finish()))
}

fn with_hash(spec: &PexSpec, entry: &EntryPoint, made: &Made<'_>, pex_hash: Option<&str>) -> BootFiles {
    let options = &spec.options;
    let info = info::render(spec, entry, made.code_hash, pex_hash);
    let (pex_boot, planned) = (made.pex_boot, !made.plans.is_empty());
    let pex_hash = pex_hash.unwrap_or_default();
    let hook = format!("{pex_boot}\n\n{}", call(options, pex_hash));
    let shebang = python_shebang(options);
    let header = (options.boot == Boot::Sh).then(|| sh::script(options, pex_hash, planned));
    let (main, prefix) = match (options.layout, header) {
        (Layout::Zipapp, Some(script)) => {
            (format!("{shebang}\n\n{hook}"), Some(format!("#!/bin/sh\n{script}")))
        }
        (Layout::Packed | Layout::Loose, Some(script)) => {
            (format!("{}\n\n{hook}", sh::as_python(&script)), None)
        }
        (layout, None) => {
            let main = format!("{shebang}\n{}\n{hook}", preamble::text(options, pex_hash, planned));
            (main, (layout == Layout::Zipapp).then(|| format!("{shebang}\n")))
        }
    };
    BootFiles { info, main, hook, prefix, pex_hash: pex_hash.to_owned() }
}

/// The call that starts the runtime. What it says is said in `PEX-INFO` as well.
fn call(options: &PexOptions, pex_hash: &str) -> String {
    let hermetic = match options.venv() {
        Some(venv) => venv.hermetic_scripts,
        None => options.inherit_path == InheritPath::False,
    };
    format!(
        "result, should_exit, is_globals = boot(\n    \
             bootstrap_dir={bootstrap_dir},\n    \
             pex_root={pex_root},\n    \
             pex_hash={pex_hash},\n    \
             hermetic_boot={hermetic},\n    \
             has_interpreter_constraints={constrained},\n    \
             pex_path={pex_path},\n    \
             is_venv={is_venv},\n    \
             inject_python_args={python_args},\n\
         )\n\
         if should_exit:\n    \
             sys.exit(0 if is_globals else result)\n\
         elif is_globals:\n    \
             globals().update(result)\n",
        bootstrap_dir = literal(BOOTSTRAP_FOLDER),
        pex_root = literal(options.pex_root()),
        pex_hash = literal(pex_hash),
        hermetic = boolean(hermetic),
        constrained = boolean(!options.interpreter_constraints.is_empty()),
        pex_path = tuple(&options.pex_path),
        is_venv = boolean(options.venv().is_some()),
        python_args = tuple(&options.inject_python_args),
    )
}

/// The first line that starts a Python: the one asked for, or what the targets have in common.
fn python_shebang(options: &PexOptions) -> String {
    if let Boot::Python { shebang: Some(text) } = &options.boot {
        let text = text.strip_prefix("#!").unwrap_or(text).trim();
        let by_name = !text.starts_with('/');
        return format!("#!{}{text}", if by_name { "/usr/bin/env " } else { "" });
    }
    match options.pythons.as_slice() {
        [minor] => format!("#!/usr/bin/env python{minor}"),
        several if several.iter().all(|python| python.major == 2) && !several.is_empty() => {
            "#!/usr/bin/env python2".to_owned()
        }
        _ => "#!/usr/bin/env python3".to_owned(),
    }
}

/// The installed copy of the PEX below the runtime's root, where its place can be told when it is built: the
/// name of a virtual environment depends on the interpreter without constraints, and on other files with a
/// `pex_path`.
pub(super) fn installed_copy(options: &PexOptions, pex_hash: &str) -> Option<String> {
    match options.venv() {
        None => Some(format!("unzipped_pexes/4/{pex_hash}")),
        Some(_) if options.interpreter_constraints.is_empty() || !options.pex_path.is_empty() => None,
        Some(_) => Some(constrained_copy(pex_hash)),
    }
}

/// The virtual environment of a PEX with constraints and without a `pex_path`.
pub(super) fn constrained_copy(pex_hash: &str) -> String {
    /// SHA-1 of the JSON `{"PEX_PYTHON_PATH": null, "pex_path": {}}`.
    const CONSTRAINED: &str = "779eb2cc0ca9e2fdd204774cbc41848e4e7c5055";
    format!("venvs/4/{pex_hash}/{CONSTRAINED}")
}

/// Arguments of the interpreter that runs the virtual environment.
pub(super) fn venv_python_args(options: &PexOptions) -> Vec<String> {
    let mut args = options.inject_python_args.clone();
    args.extend(venv_hermetic_argument(options).map(ToOwned::to_owned));
    args
}

/// The argument that keeps the interpreter of the virtual environment from what is outside.
pub(super) fn venv_hermetic_argument(options: &PexOptions) -> Option<&'static str> {
    // Python 2 knows no `-I`; a file that is also for 2 gets what both understand.
    let python2 = options.pythons.iter().any(|python| python.major == 2);
    let hermetic = options.venv().is_some_and(|venv| venv.hermetic_scripts);
    hermetic.then_some(if python2 { "-sE" } else { "-I" })
}
