"""The part of `bench` that asks about targets: loading and queries on generated repositories, beside tools of the field.

The same files are a repository of all of them: BUILD files for us and for Pants 2, BUILD.bazel files for Bazel, imports
for ruff. A peer that is not there, or cannot do it, is skipped by name.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

# Files of a folder; the first is `__init__.py`.
PER_FOLDER = 10
PANTS_2 = "pantsbuild.pants==2.17.1"
PANTS_2_PYTHON = "3.9"
PANTS_2_OPTIONS = ["--no-verify-config", "--python-infer-use-rust-parser", "--pants-version=2.17.1"]
PANTS_2_TOML = """\
[GLOBAL]
pants_version = "2.17.1"
backend_packages = ["pants.backend.python"]
build_patterns = ["BUILD"]
[source]
root_patterns = ["/"]
[python]
interpreter_constraints = ["CPython==3.9.*"]
"""
# On more files it takes half an hour for each answer.
PANTS_2_FILES = 20_000
# Slower than this for one query, a peer is measured once and not as often as we are.
SLOW = 10.0

FUNCTION = '''

def step{0}(value, *rest, key=None):
    """Adds what is left."""
    total = len(rest) + {0}
    for one in rest:
        if one is not None and one > value:
            total += one * {0}
    return {{"value": value, "total": total, "key": key or "none"}}
'''


def folder(number):
    return f"g{number // 100}/p{number}"


def place(module):
    """Folder and name of a module by its number."""
    number, name = divmod(module, PER_FOLDER - 1)
    return folder(number), f"m{name}"


def generate(root, count, write):
    """`count` files: each module imports its neighbour and two that are far away, none of them in a circle."""
    body = "".join(FUNCTION.format(number) for number in range(4))
    write(root / "pants.toml", '[source]\nroot_patterns = ["/"]\n')
    write(root / "WORKSPACE", "")
    write(root / ".bazelignore", ".git\n")
    for number in range(count // PER_FOLDER):
        here = root / folder(number)
        write(here / "BUILD", "python_sources()\n")
        write(here / "__init__.py", "")
        rules = ['package(default_visibility = ["//visibility:public"])\n']
        for module in range(number * (PER_FOLDER - 1), (number + 1) * (PER_FOLDER - 1)):
            needed = [place(one) for one in sorted({module // 2, module // 3, module - 1}) if 0 <= one < module]
            imports = "".join(f"from {where.replace('/', '.')}.{name} import step1\n" for where, name in needed)
            name = place(module)[1]
            write(here / f"{name}.py", f"import json\nimport os\n{imports}\nNUMBER = {module}\n{body}")
            labels = ", ".join(f'"//{where}:{name}"' for where, name in needed)
            rules.append(f'py_library(name = "{name}", srcs = ["{name}.py"], deps = [{labels}])\n')
        write(here / "BUILD.bazel", "".join(rules))


def skipped(who, why):
    print(f"skipped: {who}: {why}")


def words(command):
    return [str(word) for word in command]


class Peer:
    """Another tool in the repository; none of its commands is measured once it has failed."""

    def __init__(self, bench, name, root, environment):
        self.bench, self.name, self.root = bench, name, root
        self.environment = {**bench.env, **environment}
        self.works = True

    def measure(self, command, before=lambda: None, cold=False):
        """Medians, or none where it cannot run. The first run, which fills what the tool keeps, does not count."""
        if not self.works:
            return None
        try:
            begin = time.perf_counter()
            if not cold:
                self.run(command)
            slow = cold or time.perf_counter() - begin > SLOW
            runs = 1 if slow else None
            return self.bench.measure(words(command), self.root, before=before, runs=runs, env=self.environment)
        except (SystemExit, subprocess.CalledProcessError, FileNotFoundError) as error:
            skipped(self.name, str(getattr(error, "stderr", None) or error).strip()[-300:])
            self.works = False
            return None

    def run(self, command):
        subprocess.run(words(command), cwd=self.root, env=self.environment, check=True, capture_output=True, text=True)


def python_3_9():
    """A Python that Pants 2.17 runs on."""
    for found in sorted(Path.home().glob(f".pyenv/versions/{PANTS_2_PYTHON}.*/bin/python")):
        return found
    return shutil.which(f"python{PANTS_2_PYTHON}")


def pants_2(bench, root):
    python = python_3_9()
    if not python:
        return skipped(PANTS_2, f"there is no Python {PANTS_2_PYTHON}")
    home = bench.work / "pants-2"
    if not home.exists():
        subprocess.run([python, "-m", "venv", home], check=True)
        pip = [home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PANTS_2]
        if subprocess.run(pip).returncode:
            return skipped(PANTS_2, "pip cannot install it")
    config = bench.work / "pants-2.toml"
    config.write_text(PANTS_2_TOML)
    kept = {"PANTS_CONFIG_FILES": str(config), "PANTS_LOCAL_STORE_DIR": str(bench.work / "pants-2-store")}
    kept["PANTS_NAMED_CACHES_DIR"] = str(bench.work / "pants-2-caches")
    return Peer(bench, PANTS_2, root, kept), [home / "bin/pants", *PANTS_2_OPTIONS]


def bazel(bench, root):
    found = shutil.which("bazel")
    if not found:
        return skipped("bazel query", "there is no `bazel` on PATH (Debian has it as bazel-bootstrap)")
    return Peer(bench, "bazel query", root, {}), [found, f"--output_user_root={bench.work / 'bazel'}"]


def ruff(bench, root):
    found = shutil.which("ruff")
    if not found:
        try:
            found = bench.virtualenv("ruff", ["ruff"]) / "ruff"
        except subprocess.CalledProcessError:
            return skipped("ruff analyze graph", "pip cannot install it")
    return Peer(bench, "ruff analyze graph", root, {}), [found, "analyze", "graph", "--quiet"]


def bench_queries(bench, count, write, empty):
    """Loading and queries on `count` source files: cold, warm, and after the edit of one file."""
    root = bench.work / f"sources-{count}"
    generate(root, count, write)
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Add all"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    status = bench.measure(["git", "status", "--porcelain"], root)
    cache = Path(bench.env["PANTS_CACHE_DIR"])
    middle, last = count // PER_FOLDER // 2, count // PER_FOLDER - 1
    one, top, bottom = f"{folder(middle)}/m4.py", f"{folder(last)}/m8.py", f"{folder(0)}/m0.py"
    questions = {
        "list ::": ["list", "::"],
        "dependents": ["dependents", one],
        "dependents --transitive": ["dependents", "--transitive", one],
        "rdeps": ["query", f"rdeps(//..., {one})"],
        "why": ["why", top, bottom],
        "peek": ["peek", one],
    }
    ours = {"cold": bench.measure(bench.pants("list", "::"), root, before=lambda: empty(cache), runs=3)}
    # What was written within a tick of the clock is looked at again.
    time.sleep(0.1)
    bench.measure(bench.pants("list", "::"), root, runs=1)
    bench.row(f"{count} files: list ::, cold", ours["cold"], "git status", status)
    for name, arguments in questions.items():
        ours[name] = bench.measure(bench.pants(*arguments), root)
        bench.row(f"{count} files: {name}", ours[name], "git status", status)
    edited = root / one
    text = edited.read_text()
    number = iter(range(1, 1000))

    def edit():
        edited.write_text(f"{text}# {next(number)}\n")
        time.sleep(0.05)

    ours["edit"] = bench.measure(bench.pants("dependents", one), root, before=edit)
    bench.row(f"{count} files: dependents, after an edit", ours["edit"], "git status", status)
    edited.write_text(text)
    peers(bench, count, root, one, (top, bottom), ours, empty)
    empty(root)


def peers(bench, count, root, one, ends, ours, empty):
    label = "//" + one.replace("/m", ":m").removesuffix(".py")
    universe = "//..."
    if found := bazel(bench, root):
        peer, command = found
        ask = lambda expression: peer.measure([*command, "query", "--noshow_progress", expression])
        stop = lambda: peer.run([*command, "shutdown"])
        cold = peer.measure([*command, "query", "--noshow_progress", universe], before=stop, cold=True)
        row(bench, f"{count} files: list ::, cold", ours["cold"], "bazel query, no server", cold)
        row(bench, f"{count} files: list ::", ours["list ::"], "bazel query //...", ask(universe))
        row(bench, f"{count} files: rdeps", ours["rdeps"], "bazel query rdeps", ask(f"rdeps({universe}, {label})"))
        ends = ["//" + end.replace("/m", ":m").removesuffix(".py") for end in ends]
        row(bench, f"{count} files: why", ours["why"], "bazel query somepath", ask(f"somepath({', '.join(ends)})"))
        if peer.works:
            stop()
    if found := ruff(bench, root):
        peer, command = found
        row(bench, f"{count} files: list ::, cold", ours["cold"], "ruff analyze graph", peer.measure([*command, "."]))
    if count > PANTS_2_FILES:
        skipped(f"{PANTS_2} on {count} files", "it takes half an hour for each answer")
    elif found := pants_2(bench, root):
        peer, command = found
        alone = [*command, "--no-pantsd"]
        fresh = lambda: empty(Path(peer.environment["PANTS_LOCAL_STORE_DIR"]))
        cold = peer.measure([*alone, "dependents", one], before=fresh, cold=True)
        row(bench, f"{count} files: list ::, cold", ours["cold"], "Pants 2.17 dependents", cold)
        warm = peer.measure([*alone, "dependents", one])
        row(bench, f"{count} files: dependents", ours["dependents"], "Pants 2.17, no daemon", warm)
        with_daemon(bench, count, root, one, ours, peer, command)


def with_daemon(bench, count, root, one, ours, peer, command):
    peer = Peer(bench, f"{PANTS_2} with its daemon", root, peer.environment)
    warm = peer.measure([*command, "--pantsd", "dependents", one])
    row(bench, f"{count} files: dependents", ours["dependents"], "Pants 2.17, daemon", warm)
    for pid in root.glob(".pids/*/pantsd/pid"):
        os.kill(int(pid.read_text()), 15)


def row(bench, what, ours, name, theirs):
    if theirs:
        bench.row(what, ours, name, theirs)


def bench_imports(bench, library, example, write, empty):
    """How fast imports are extracted from the standard library: whole, and the extraction alone on one thread."""
    if not library:
        return skipped("imports of the standard library", "there is no Python 3.13")
    root = bench.work / "library"
    ignore = shutil.ignore_patterns("site-packages", "__pycache__", "*.so", "*.a", "*.o")
    shutil.copytree(library, root / "lib", ignore=ignore, symlinks=True)
    write(root / "pants.toml", '[source]\nroot_patterns = ["lib"]\n')
    write(root / "lib/BUILD", 'python_library(name = "lib", sources = ["**/*.py"])\n')
    size = sum(path.stat().st_size for path in root.rglob("*.py")) / 1e6
    cache = Path(bench.env["PANTS_CACHE_DIR"])
    ours = bench.measure(bench.pants("dependents", "lib/os.py"), root, before=lambda: empty(cache), runs=3)
    if found := ruff(bench, root):
        peer, command = found
        theirs = peer.measure([*command, "."])
        row(bench, f"imports of {size:.1f} MB, whole", ours, "ruff analyze graph", theirs)
        if theirs:
            print(f"imports, whole: {size / ours.wall:.0f} MB/s, ruff analyze graph: {size / theirs.wall:.0f} MB/s")
    if not example.exists():
        build = ["cargo", "build", "--release", "--workspace", "--locked", "--example", "measure_imports"]
        subprocess.run(build, cwd=example.parents[3], check=True)
    subprocess.run([example, root / "lib"], check=True)
    empty(root)


def standard_library():
    """The folder of the standard library of Python 3.13."""
    for python in [*sorted(Path.home().glob(".pyenv/versions/3.13.*/bin/python")), shutil.which("python3.13")]:
        if python:
            ask = "import json, sysconfig; print(json.dumps(sysconfig.get_path('stdlib')))"
            return Path(json.loads(subprocess.check_output([python, "-c", ask])))
    return None
