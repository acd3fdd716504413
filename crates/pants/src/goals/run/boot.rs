//! The few lines of Python with which a program starts from its sources, and what its debugger is told.

use serde_json::{Value, json};

/// What Python starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// A module as a script, or something in it (`module:function`) that is called.
    Module(String),
    /// A file of Python.
    File(String),
}

/// The Python with which `start` starts, after a debugger has come to `port` where there is one. `-c` has Python look for
/// modules in the folder where it starts, which no package does.
pub(super) fn code(start: &Start, port: Option<u16>) -> String {
    let wait = port.map(|port| {
        format!("import debugpy\ndebugpy.listen(('127.0.0.1', {port}))\ndebugpy.wait_for_client()\n")
    });
    let head =
        format!("import sys\nif sys.path[:1] == ['']:\n    del sys.path[0]\n{}", wait.unwrap_or_default());
    let rest = match start {
        Start::Module(text) => match text.split_once(':') {
            // What `python -m` does; it also names the file in `sys.argv`.
            None => format!("import runpy\nrunpy._run_module_as_main({})\n", literal(text)),
            Some((module, attribute)) => format!(
                "import importlib\nmodule = importlib.import_module({0})\n\
                 sys.argv[0] = getattr(module, '__file__', None) or {0}\nsys.exit(module.{attribute}())\n",
                literal(module)
            ),
        },
        Start::File(path) => format!(
            "import runpy\nsys.argv[0] = {0}\nrunpy.run_path({0}, run_name='__main__')\n",
            literal(path)
        ),
    };
    head + &rest
}

/// A string of Python.
fn literal(text: &str) -> String {
    Value::from(text).to_string()
}

/// What VS Code attaches by, as it is in `launch.json`.
pub(super) fn attach(target: &str, port: u16) -> Value {
    json!({
        "name": format!("Attach to {target}"),
        "type": "debugpy",
        "request": "attach",
        "connect": { "host": "127.0.0.1", "port": port },
        "justMyCode": false,
    })
}
