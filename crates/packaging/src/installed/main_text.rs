//! The text of `__main__.py`, by which an installed program starts. Python 2.7 and 3 read it alike.

use std::fmt::Write as _;

use super::{InstalledSpec, Shape};
use crate::pex::entry::EntryPoint;
use crate::pex::python_text::{literal, tuple};

/// The text; none where there is nothing to start and no interpreter either.
pub(super) fn text(spec: &InstalledSpec, entry: &EntryPoint) -> Option<String> {
    let is_venv = matches!(spec.shape, Shape::Venv { .. });
    let start = match entry {
        EntryPoint::Repl | EntryPoint::Script(_) if !is_venv => return None,
        EntryPoint::Repl => "os.execv(sys.executable, [sys.executable] + sys.argv[1:])\n".to_owned(),
        EntryPoint::Script(script) => {
            let script = literal(script);
            format!("os.execv(os.path.join(scripts, {script}), [{script}] + sys.argv[1:])\n")
        }
        EntryPoint::Module(text) => module(text),
    };
    let mut out = String::from("import os\nimport sys\n");
    out.push_str(if start.contains("import_module") { "from importlib import import_module\n" } else { "" });
    out.push_str(if start.contains("run_module") { "from runpy import run_module\n" } else { "" });
    out.push_str("\nif __name__ == \"__main__\":\n");
    let mut line = |text: &str| writeln!(out, "    {text}").expect("writing to a text cannot fail");
    for (name, value) in &spec.env {
        line(&format!("os.environ.setdefault({}, {})", literal(name), literal(value)));
    }
    if is_venv {
        line("here = os.path.dirname(os.path.realpath(__file__))");
        line("scripts = os.path.join(here, \"bin\")");
        line("os.environ[\"VIRTUAL_ENV\"] = here");
        line("path = os.environ.get(\"PATH\")");
        line("os.environ[\"PATH\"] = scripts + os.pathsep + path if path else scripts");
    }
    if !spec.args.is_empty() {
        line(&format!("sys.argv[1:1] = {}", tuple(&spec.args)));
    }
    start.lines().for_each(line);
    Some(out)
}

/// Starts a module, or calls what is in one.
fn module(text: &str) -> String {
    let Some((module, attribute)) = text.split_once(':') else {
        return format!("run_module({}, run_name=\"__main__\", alter_sys=True)\n", literal(text));
    };
    let mut out = format!("found = import_module({})\n", literal(module));
    for name in attribute.split('.') {
        writeln!(out, "found = getattr(found, {})", literal(name)).expect("writing to a text cannot fail");
    }
    out.push_str("sys.exit(found())\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn check(shape: Shape, entry: &EntryPoint, expect: Option<&str>) {
        let target = Target::new("3.11".parse().unwrap(), "linux-x86_64".parse().unwrap());
        let spec = InstalledSpec {
            env: [("A".to_owned(), "b'c".to_owned())].into(),
            ..InstalledSpec::new(target, shape)
        };
        assert_eq!(text(&spec, entry).as_deref(), expect);
    }

    #[test]
    fn programs_start() {
        let module = EntryPoint::Module("a.b:c.d".to_owned());
        check(
            Shape::Flat,
            &module,
            Some(
                "import os\nimport sys\nfrom importlib import import_module\n\nif __name__ == \"__main__\":\n    \
                 os.environ.setdefault('A', 'b\\'c')\n    found = import_module('a.b')\n    \
                 found = getattr(found, 'c')\n    found = getattr(found, 'd')\n    sys.exit(found())\n",
            ),
        );
        check(Shape::Flat, &EntryPoint::Repl, None);
        check(Shape::Flat, &EntryPoint::Script("a".to_owned()), None);
    }
}
