"""A plugin of pytest that puts pants in the place of the `pex` tool where tests of the pex project build by it.

What a test asks the tool for becomes a repository with one `python_binary`. A test that needs an option for which pants
has no field is skipped, and names the option. For `scripts/pex-tests`.
"""

import functools
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

PANTS = os.environ["SHIM_PANTS"]
CACHE = os.environ["SHIM_CACHE"]
WHEELS = os.environ["SHIM_WHEELS"]
RESULTS = os.environ["SHIM_RESULTS"]

# Tests that start what they build by several Pythons, without saying so; a PEX of pants is for those that it names.
SEVERAL_PYTHONS = (
    "test_issue_2728_pex_python",
    "test_reproducible_build",
    "test_pex_reexec_constraints_dont_match",
    "test_system_site_packages_pex_tools",
)
MINORS = ["3.9", "3.10", "3.11"]

# The test that is under way: its outcome, why, and how often it built by pants.
current = {}

# Options of the tool that choose how it works, and change nothing in the file that is built; those with a value first.
WITHOUT_EFFECT = {
    "--pip-version",
    "--resolver-version",
    "--pex-root",
    "--tmpdir",
    "--jobs",
    "-j",
    "--cert",
    "--retries",
}
FLAGS_WITHOUT_EFFECT = {
    "-v",
    "-vv",
    "-vvv",
    "--disable-cache",
    "--no-compress",
    "--compress",
    "--no-emit-warnings",
    "--use-system-time",
    "--no-use-system-time",
    "--no-compile",
    "--no-pre-install-wheels",
    "--include-tools",
    "--resolve-local-platforms",
    "--no-build",
    "--wheel",
    "--hermetic-venv-scripts",
    "--strip-pex-env",
    "--use-pip-config",
    "--no-venv",
    "--allow-pip-version-fallback",
    "--no-venv-site-packages-copies",
}
VALUES = {
    "-o": "output",
    "--output-file": "output",
    "-e": "entry",
    "-m": "entry",
    "--entry-point": "entry",
    "-c": "script",
    "--script": "script",
    "--console-script": "script",
    "--exe": "exe",
    "--executable": "exe",
    "-D": "sources",
    "--sources-directory": "sources",
    "-r": "files",
    "--requirement": "files",
    "--layout": "layout",
    "--python-shebang": "shebang",
    "--interpreter-constraint": "constraints",
    "--inherit-path": "inherit",
    "--python": "pythons",
    "--inject-env": "env",
    "--inject-args": "args",
    "--constraints": "constraint_files",
    "--platform": "platforms",
    "--runtime-pex-root": "root",
}
MANY = {"sources", "files", "constraints", "pythons", "env", "args", "constraint_files", "platforms"}


class Unsupported(Exception):
    """What the command line asks for that pants does not have."""


def parsed(arguments):
    """The options of a command line, and what it starts at once, by name."""
    found = {name: [] for name in {*MANY, "requirements", "rest"}}
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if word == "--":
            found["rest"] = queue
            break
        if word.startswith("--"):
            name, is_given, value = word.partition("=")
        else:
            name, value = word[:2], word[2:]
            is_given = bool(value) and name in VALUES
            name = name if is_given else word
        if not word.startswith("-"):
            found["requirements"].append(word)
        elif name == "--venv":
            found["venv"] = value or "false"
        elif word == "--several-pythons":
            found["several"] = True
        elif word == "--sh-boot":
            found["sh_boot"] = True
        elif word == "--no-strip-pex-env":
            found["strip"] = False
        elif word in FLAGS_WITHOUT_EFFECT:
            found["tools"] = found.get("tools", False) or word == "--include-tools"
        elif name in WITHOUT_EFFECT or name in VALUES:
            value = value if is_given else queue.pop(0)
            key = VALUES.get(name)
            if key in MANY:
                found[key].append(value)
            elif key:
                found[key] = value
        else:
            raise Unsupported(name)
    return found


def literal(value):
    return repr(value) if isinstance(value, bool) else json.dumps(value)


class Repository:
    """A repository with one program, as a command line of the tool describes it."""

    def __init__(self, folder, found, python):
        self.folder, self.found = folder, found
        self.fields = {"name": "app", "include_tools": found.get("tools", False)}
        self.python = python or sys.executable
        self.minor = self.ask("'%d.%d' % sys.version_info[:2]", self.python)

    def ask(self, expression, python):
        return subprocess.check_output([python, "-c", f"import sys; print({expression})"], text=True).strip()

    def write(self):
        found, fields = self.found, self.fields
        pythons = [self.ask("'%d.%d' % sys.version_info[:2]", name) for name in found["pythons"]] or [self.minor]
        pythons = MINORS if found.get("several") else pythons
        self.sources()
        self.requirements()
        self.start()
        if "exe" not in found and "entry" not in found and "script" in found:
            fields["script"] = found["script"]
        if found["platforms"]:
            raise Unsupported("--platform")
        if "venv" in found and found["venv"] == "append":
            raise Unsupported("--venv append")
        fields["execution_mode"] = "venv" if "venv" in found else "zipapp"
        fields["sh_boot"] = found.get("sh_boot", False)
        fields["layout"] = found.get("layout", "zipapp")
        fields["interpreters"] = sorted(set(pythons))
        if len(fields["interpreters"]) > 1:
            fields["multi_platform"] = True
        if found["constraints"]:
            fields["interpreter_constraints"] = [
                text if text[0].isalpha() else f"CPython{text}" for text in found["constraints"]
            ]
            del fields["interpreters"]
        if "shebang" in found and fields["sh_boot"]:
            raise Unsupported("--python-shebang beside --sh-boot")
        for name, field in (("shebang", "shebang"), ("inherit", "inherit_path"), ("strip", "strip_pex_env")):
            if name in found:
                fields[field] = found[name]
        if found["env"]:
            fields["env"] = dict(text.split("=", 1) for text in found["env"])
        if found["args"]:
            import shlex

            fields["args"] = [word for text in found["args"] for word in shlex.split(text)]
        body = "".join(f"    {name} = {literal(value)},\n" for name, value in fields.items())
        self.text("BUILD", "".join(self.rules) + f"python_binary(\n{body})\n")
        search = sorted(
            {
                os.path.dirname(os.path.realpath(name if os.sep in name else shutil.which(name)))
                for name in [self.python, *found["pythons"]]
            }
        )
        self.text(
            "pants.toml",
            f"[python]\ninterpreter_search_paths = {json.dumps([*search, '<PATH>', '<PYENV>'])}\n"
            '[source]\nroot_patterns = ["/src"]\n',
        )

    def text(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def sources(self):
        self.rules, needed = [], []
        os.mkdir(os.path.join(self.folder, "src"))
        for folder in self.found["sources"]:
            shutil.copytree(folder, os.path.join(self.folder, "src"), dirs_exist_ok=True)
        if self.found["sources"]:
            needed = ["//src:own"]
            rule = 'python_library(name = "own", sources = ["**/*.py"], dependencies = [":data"])\n'
            rule += 'resources(name = "data", sources = ["**/*", "!**/*.py", "!BUILD"])\n'
            if not any(
                not name.endswith(".py") for _, _, names in os.walk(os.path.join(self.folder, "src")) for name in names
            ):
                rule = 'python_library(name = "own", sources = ["**/*.py"])\n'
            self.text("src/BUILD", rule)
        self.fields["dependencies"] = needed

    def requirements(self):
        lines, found = [], self.found
        for name in found["files"]:
            with open(name) as file:
                lines += [line.strip() for line in file if line.strip() and not line.startswith("#")]
        lines += found["requirements"]
        if found["constraint_files"]:
            raise Unsupported("--constraints")
        ours = {path: "pex==" + os.path.basename(path).split("-")[1] for path in wheels()}
        lines = [ours.get(line, line) for line in lines]
        if any(os.path.exists(line.split("[")[0]) or line.startswith(("-", "git+")) or "://" in line for line in lines):
            raise Unsupported("a requirement that is a file or an address")
        if lines:
            self.text("requirements.txt", "".join(f"{line}\n" for line in lines))
            self.rules.append('python_requirements(name = "reqs", source = "requirements.txt")\n')
            self.fields["dependencies"].append("//:reqs")

    def start(self):
        found, fields = self.found, self.fields
        if "exe" in found:
            shutil.copy(found["exe"], os.path.join(self.folder, "src/exe_program.py"))
            with open(os.path.join(self.folder, "src/BUILD"), "a") as file:
                file.write('python_library(name = "exe", sources = ["exe_program.py"])\n')
            fields["dependencies"].append("//src:exe")
            fields["entry_point"] = "exe_program"
        elif "entry" in found:
            fields["entry_point"] = found["entry"]

    def build(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PEX", "PYTHON"))}
        environment["PANTS_CACHE_DIR"] = CACHE
        done = None
        for goal in (
            (["lock"] if os.path.exists(os.path.join(self.folder, "requirements.txt")) else []),
            ["binary", "//:app"],
        ):
            if goal:
                command = [PANTS, "-q", *goal]
                done = subprocess.run(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True)
                if done.returncode:
                    sys.exit(done.returncode)
        return os.path.join(self.folder, done.stdout.split()[-1])


def command_line(arguments, python):
    """What the tool would do: build a PEX, or start it."""
    found = parsed(arguments)
    work = tempfile.mkdtemp(prefix="pex-shim-")
    try:
        repository = Repository(work, found, python)
        repository.write()
        made = repository.build()
        if "output" in found:
            output = os.path.abspath(found["output"])
            os.makedirs(os.path.dirname(output), exist_ok=True)
            shutil.rmtree(output) if os.path.isdir(output) else None
            (shutil.copytree if os.path.isdir(made) else shutil.copy)(
                made, output, **({"symlinks": True} if os.path.isdir(made) else {})
            )
            return 0
        started = made if os.path.isfile(made) else os.path.join(made, "__main__.py")
        return subprocess.run([repository.python, started, *found["rest"]]).returncode
    finally:
        shutil.rmtree(work, ignore_errors=True)


def replaced(create, args=None, python=None, quiet=None, pex_module="pex", use_pex_whl_venv=True):
    """The command that a test runs instead of the tool."""
    args = list(args or ())
    if pex_module != "pex":
        return create(args, python, quiet, pex_module, use_pex_whl_venv)
    if any(name in current["test"] for name in SEVERAL_PYTHONS):
        args.insert(0, "--several-pythons")
    try:
        found = parsed(args)
        with tempfile.TemporaryDirectory() as folder:
            Repository(folder, found, python).write()
        current["built"] = current.get("built", 0) + 1
        if "root" in found:
            # There is no field for it, and the variable means the same. The tool makes the folder.
            os.environ["PEX_ROOT"] = os.path.abspath(found["root"])
            os.makedirs(os.environ["PEX_ROOT"], exist_ok=True)
    except Unsupported as error:
        pytest.skip(f"pants has no field for {error}")
    except (OSError, ValueError, IndexError):
        # The test is about a wrong command line, or names files relative to another folder.
        pass
    return [sys.executable, os.path.abspath(__file__), python or sys.executable, *args]


def interpreter(version):
    """The interpreter of this machine with the minor version of the one that a test would compile; none: it has none."""
    name = "python" + ".".join(version.split(".")[:2])
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    return next(iter(sorted(glob.glob(os.path.join(root, "versions", "*", "bin", name)))), None) or shutil.which(name)


def distribution(version, python_version=None, allow_adhoc_version=False):
    import testing
    from pex.interpreter import PythonInterpreter

    python = interpreter(python_version or version)
    if not python:
        pytest.skip(f"there is no Python {version}")
    home = os.path.dirname(os.path.dirname(python))
    root = os.path.dirname(os.path.dirname(home))
    return testing.PyenvPythonDistribution(
        home=home,
        interpreter=PythonInterpreter.from_binary(python),
        pip=os.path.join(home, "bin/pip"),
        pyenv_root=root,
        pyenv_script=os.path.join(root, "bin/pyenv"),
    )


def pytest_runtest_logstart(nodeid):
    current.clear()
    current.update(test=nodeid, outcome="passed", reason="", built=0)
    os.environ.pop("PEX_ROOT", None)


def pytest_runtest_logreport(report):
    if report.outcome != "passed" and current["outcome"] == "passed":
        current["outcome"] = report.outcome
        path_line_reason = report.longrepr if report.skipped and isinstance(report.longrepr, tuple) else None
        reason = path_line_reason[2] if path_line_reason else report.longreprtext.strip().splitlines()[-1]
        current["reason"] = "pex expects it to fail" if hasattr(report, "wasxfail") else reason.removeprefix("Skipped: ")


def pytest_runtest_logfinish(nodeid):
    with open(RESULTS, "a") as file:
        file.write(json.dumps(current) + "\n")


def wheels():
    """The wheels of the release, which the tests take instead of building those of the checkout."""
    return glob.glob(os.path.join(WHEELS, "pex-*.whl"))


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    if fixturedef.argname == "pex_bdist":
        from testing import pex_dist

        fixturedef.cached_result = (pex_dist.wheel(), fixturedef.cache_key(request), None)
        return fixturedef.cached_result[0]


def pytest_configure(config):
    import testing
    from testing import pex_dist

    # It was for finding this plugin; a PEX that sees it starts itself again without it.
    os.environ.pop("PYTHONPATH", None)
    testing.create_pex_command = functools.partial(replaced, testing.create_pex_command)
    pex_dist.wheels = wheels
    testing.ensure_python_distribution = distribution
    # The releases that tests name are those that are here.
    for name in ("PY27", "PY39", "PY310", "PY311"):
        python = interpreter(getattr(testing, name))
        if python:
            code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
            setattr(testing, name, subprocess.check_output([python, "-c", code], text=True).strip())
    testing.ALL_PY_VERSIONS = tuple(getattr(testing, name) for name in ("PY27", "PY39", "PY310", "PY311"))
    versions = {text: tuple(map(int, text.split("."))) for text in testing.ALL_PY_VERSIONS}
    testing._ALL_PY_VERSIONS_TO_VERSION_INFO = versions


if __name__ == "__main__":
    sys.exit(command_line(sys.argv[2:], sys.argv[1]))
