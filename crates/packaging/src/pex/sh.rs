//! The sh header: starts the installed copy of a PEX without any Python of its own, else finds a Python that
//! installs it. POSIX sh, and builtins alone where a copy is installed, since that is part of every start.

use super::options::{Layout, PexOptions};
use super::python_text::{literal, tuple};
use super::{boot, start};
use crate::python::Minor;

/// Minors that the runtime supports, newest first, looked for after those that the PEX is for.
const SUPPORTED: &[(u8, &[u8])] = &[(3, &[16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5]), (2, &[7])];

/// The script, without a first line; it always ends in `exec` or `exit`, so that a shell reads nothing behind it.
pub(super) fn script(options: &PexOptions, pex_hash: &str, planned: bool) -> String {
    let file = match options.layout {
        Layout::Zipapp => "pex=$0\n".to_owned(),
        Layout::Packed | Layout::Loose => FOLDER.to_owned(),
    };
    let copy = boot::installed_copy(options, pex_hash);
    let root =
        copy.iter().map(|_| ROOT.replace("@ROOT@", &expandable(options.pex_root()))).collect::<String>();
    let venv = options.venv().is_some();
    let hand_over = match &copy {
        Some(copy) if venv => {
            VENV.replace("@COPY@", &quote(copy)).replace("@ARGS@", &words(&boot::venv_python_args(options)))
        }
        _ => String::new(),
    };
    let from_copy = match &copy {
        Some(copy) if !venv => UNZIPPED.replace("@COPY@", &quote(copy)),
        Some(copy) if planned => PLAN.replace("@INSTALLER@", &quote(&installer(options, copy))),
        Some(_) => GONE.to_owned(),
        None => String::new(),
    };
    let names = names(&options.pythons).join(" ");
    let find = FIND.replace("@NAMES@", &names);
    let words = words(&options.inject_python_args);
    let install = INSTALL.replace("@ARGS@", &words);
    format!("set -euf\n{file}{root}{hand_over}{find}{}{install}", from_copy.replace("@ARGS@", &words))
}

/// What makes the virtual environment by the plan; it gets the PEX, the root, and the arguments of the program.
fn installer(options: &PexOptions, copy: &str) -> String {
    let (copy, arguments) = (literal(copy), tuple(&boot::venv_python_args(options)));
    let python_args = tuple(&options.inject_python_args);
    start::program(&format!(
        "start(sys.argv[1], sys.argv[2], {copy}, {arguments}, sys.argv[3:])\n\
         os.execv(sys.executable, (sys.executable,) + {python_args} + tuple(sys.argv[1:2] + sys.argv[3:]))\n",
    ))
}

/// The script as the start of a file that is also Python: a text literal there, `:` with a word here.
pub(super) fn as_python(script: &str) -> String {
    format!("#!/bin/sh\n'''': sh\n{}\n'''", script.trim_end())
}

/// Names to look for: the minors that the PEX is for, then others, since the runtime finds the right one itself.
fn names(pythons: &[Minor]) -> Vec<String> {
    let supported =
        SUPPORTED.iter().flat_map(|(major, minors)| minors.iter().map(|minor| Minor::new(*major, *minor)));
    let mut names: Vec<String> = Vec::new();
    for minor in pythons.iter().copied().chain(supported) {
        let name = format!("python{minor}");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.extend(["python3", "python", "python2"].map(str::to_owned));
    names
}

/// `text` as one word, whatever it holds, without three quotes in a row, which would end a Python text.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r#"'"'"'"#))
}

/// The arguments, each one word, with a space after each.
fn words(arguments: &[String]) -> String {
    arguments.iter().map(|argument| format!("{} ", quote(argument))).collect()
}

/// A path as one word in which the shell expands a leading `~/`.
fn expandable(path: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("~/{}", quote(rest)),
        None => quote(path),
    }
}

const FOLDER: &str = r#"case $0 in
*/*) pex=${0%/*} ;;
*) pex=. ;;
esac
pex=${pex:-/}
"#;

const ROOT: &str = r#"root=${PEX_ROOT:-}
if [ -z "$root" ]; then
    root=@ROOT@
fi
"#;

/// Only where no variable asks for something that the virtual environment cannot do itself. It notes when it was last
/// started, and fails where it cannot: where it is another user's, or its disk is read-only.
const VENV: &str = r#"copy=$root/@COPY@
plan=
if [ -z "${PEX_IGNORE_RCFILES:-}${PEX_VENV:-}${PEX_PYTHON:-}" ] &&
    [ -z "${PEX_PYTHON_PATH:-}${PEX_PATH:-}${PEX_TOOLS:-}" ]; then
    if [ -x "$copy/bin/python" ]; then
        if ! { true >>"$copy/.last-access"; } 2>/dev/null; then
            _PEX_CACHE_SET_LAST_ACCESS=0
            export _PEX_CACHE_SET_LAST_ACCESS
        fi
        PEX=$pex
        export PEX
        exec "$copy/bin/python" @ARGS@"$copy" "$@"
    fi
    plan=yes
fi
"#;

/// The runtime would start an environment whose interpreter is gone, and a plan makes it again.
const GONE: &str = r#"if [ -n "$plan" ] && [ -h "$copy/bin/python" ]; then
    printf '%s: the Python of its environment is gone: %s\n' "$0" "$copy" >&2
    printf 'remove that folder, and the next start makes it again\n' >&2
    exit 1
fi
"#;

/// Makes the virtual environment, or starts the runtime that does.
const PLAN: &str = r#"if [ -n "$plan" ]; then
    exec "$python" -sSE -c @INSTALLER@ "$pex" "$root" "$@"
fi
"#;

/// As `command -v` would find it, with the folders of `PEX_PYTHON_PATH` in front; the runtime does the same. A name
/// is asked for its version, since a version manager puts names on `PATH` of what is not installed or not chosen.
const FIND: &str = r#"python=
path=${PATH:-}
if [ -f "${PEX_PYTHON:-}" ] && [ -x "${PEX_PYTHON:-}" ]; then
    python=$PEX_PYTHON
fi
IFS=:
for entry in ${PEX_PYTHON_PATH:-}; do
    entry=${entry:-.}
    if [ -n "$python" ]; then
        break
    elif [ -d "$entry" ]; then
        path=$entry:$path
    elif [ -f "$entry" ] && [ -x "$entry" ]; then
        python=$entry
    fi
done
for name in @NAMES@; do
    for entry in $path; do
        if [ -n "$python" ]; then
            break 2
        elif [ -f "${entry:-.}/$name" ] && [ -x "${entry:-.}/$name" ] &&
            "${entry:-.}/$name" -V >/dev/null 2>&1; then
            python=${entry:-.}/$name
        fi
    done
done
unset IFS
if [ -z "$python" ]; then
    printf '%s: no Python found on PATH: %s\n' "$0" "$path" >&2
    printf 'looked for: %s\n' '@NAMES@' >&2
    exit 1
fi
if [ -n "${PEX_VERBOSE:-}" ]; then
    printf '%s: found %s\n' "$0" "$python" >&2
fi
"#;

const UNZIPPED: &str = r#"copy=$root/@COPY@
if [ -e "$copy" ]; then
    __PEX_EXE__=$pex
    export __PEX_EXE__
    exec "$python" @ARGS@"$copy" "$@"
fi
"#;

const INSTALL: &str = r#"exec "$python" @ARGS@"$0" "$@"
"#;
