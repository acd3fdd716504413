//! The few lines that a Python shebang runs before the runtime: they hand over to the installed copy where there
//! is one. The rules are those of the sh header; text that Python 2.7 and 3 read alike.

use super::options::PexOptions;
use super::python_text::{boolean, literal, tuple};
use super::{boot, start};

/// The text, which ends its last line; empty where the place of the installed copy cannot be told.
pub(super) fn text(options: &PexOptions, pex_hash: &str, planned: bool) -> String {
    let Some(copy) = boot::installed_copy(options, pex_hash) else { return String::new() };
    let venv = options.venv().is_some();
    let arguments = if venv { boot::venv_python_args(options) } else { options.inject_python_args.clone() };
    TEMPLATE
        .replace("@ROOT@", &literal(options.pex_root()))
        .replace("@COPY@", &literal(&copy))
        .replace("@VENV@", boolean(venv))
        .replace(
            "@PLAN@",
            &if planned {
                literal(&format!("{}/{}", start::FOLDER, start::INSTALLER_FILE))
            } else {
                "None".to_owned()
            },
        )
        .replace("@ARGS@", &tuple(&arguments))
}

/// It declines, and the runtime does the same the long way, whenever a variable could change what runs, and when
/// the interpreter's own arguments, which have to be passed on, cannot be told.
const TEMPLATE: &str = r#"

def __start_installed__():
    import os
    import sys

    for name in os.environ:
        if name in ("PYTHONPATH", "__PEX_EXE__", "__PEX_ENTRY_POINT__"):
            return
        if name.startswith("PEX_") and name != "PEX_ROOT" and os.environ[name]:
            return

    pex = os.path.dirname(os.path.abspath(__file__))
    command = getattr(sys, "orig_argv", None)
    if command is None:
        try:
            with open("/proc/self/cmdline", "rb") as stream:
                command = [getattr(os, "fsdecode", str)(arg) for arg in stream.read().split(b"\0")[:-1]]
        except Exception:
            return
    own = len(command) - len(sys.argv)
    if own < 1 or command[own + 1 :] != sys.argv[1:]:
        return
    started = os.path.realpath(command[own])
    if started != os.path.realpath(pex) and os.path.dirname(started) != os.path.realpath(pex):
        return

    root = os.path.expanduser(os.environ.get("PEX_ROOT") or @ROOT@)
    copy = os.path.join(root, @COPY@)
    if @VENV@:
        python = os.path.join(copy, "bin", "python")
        variable = "PEX"
    else:
        python = sys.executable
        variable = "__PEX_EXE__"
    arguments = list(@ARGS@) + command[1:own]
    if not python or not os.path.isdir(copy) or not os.access(python, os.X_OK):
        if @PLAN@:
            installer = {}
            exec(compile(__loader__.get_data(@PLAN@), @PLAN@, "exec"), installer)
            installer["start"](pex, root, @COPY@, arguments, sys.argv[1:])
        return
    previous = os.environ.get(variable)
    os.environ[variable] = pex
    noted = "_PEX_CACHE_SET_LAST_ACCESS"
    if @VENV@:
        # It notes when it was last started, and fails where it cannot.
        try:
            open(os.path.join(copy, ".last-access"), "a").close()
        except (IOError, OSError):
            os.environ[noted] = "0"
    try:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(python, [python] + arguments + [copy] + sys.argv[1:])
    except OSError:
        os.environ.pop(noted, None)
        if previous is None:
            del os.environ[variable]
        else:
            os.environ[variable] = previous


if __name__ == "__main__":
    __start_installed__()
del __start_installed__

"#;
