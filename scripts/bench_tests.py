"""The part of `bench` that runs tests: `pants test` on generated files beside plain pytest, pytest-xdist and Pants 2.

The same files are a repository of all of them. A peer that is not there, or cannot do it, is skipped by name.
"""

import itertools
import os
import subprocess
import time
from pathlib import Path

from bench_queries import PANTS_2, PANTS_2_PYTHON, pants_2, python_3_9, row, skipped

# Test files of a folder, all of which import its library.
PER_FOLDER = 10
PYTEST = "pytest==8.3.5"
XDIST = "pytest-xdist==3.6.1"
# How many files are run one after the other, to tell what each process takes.
ALONE = 20
# Pants 2 runs the files of so many folders: on all it takes a quarter of an hour.
PANTS_2_FOLDERS = 10

LIBRARY = '''\
def add(*numbers):
    """The sum."""
    return sum(numbers)
'''

TESTS = """\
import pytest

from {package}.lib import add


@pytest.fixture
def numbers():
    return list(range({number} % 7 + 2))


def test_sum(numbers):
    assert add(*numbers) == sum(range(len(numbers)))


@pytest.mark.parametrize("one", [1, 2, 3])
def test_each(one):
    assert add(one, {number}) == one + {number}


def test_none():
    assert add() == 0
"""


def folder(number):
    return f"p{number}"


def generate(root, count, minor, write):
    """`count` test files and the libraries that they import."""
    write(root / "pants.toml", f'[python]\ninterpreters = ["{minor}"]\n[source]\nroot_patterns = ["/"]\n')
    write(root / "BUILD", f'python_requirement(name = "pytest", requirements = ["{PYTEST}"])\n')
    write(root / "pytest.ini", "[pytest]\n")
    for number in range(count // PER_FOLDER):
        package = folder(number)
        write(root / package / "BUILD", 'python_sources()\npython_tests(name = "tests")\n')
        write(root / package / "__init__.py", "")
        write(root / package / "lib.py", LIBRARY)
        for test in range(PER_FOLDER):
            text = TESTS.format(package=package, number=number * PER_FOLDER + test)
            write(root / package / f"test_{test}.py", text)


def pants_2_repository(bench, count, write):
    """The same files for Pants 2, whose index is that of this machine's pip."""
    root = bench.work / "tests-pants-2"
    generate(root, count, PANTS_2_PYTHON, write)
    (root / "pants.toml").unlink()
    (root / "BUILD").unlink()
    # What its configuration says is elsewhere, and this is how it finds the root.
    write(root / "BUILDROOT", "")
    ask = [python_3_9(), "-m", "pip", "config", "get", "global.index-url"]
    said = subprocess.run(ask, capture_output=True, text=True)
    index = os.environ.get("PIP_INDEX_URL") or said.stdout.strip()
    return root, [f"--python-repos-indexes=['{index}']"] if index else []


def bench_tests(bench, count, minor, write, empty):
    """`pants test ::` cold, with nothing to do, and after the edit of one library, which ten files import."""
    root = bench.work / "tests"
    generate(root, count, minor, write)
    subprocess.run(bench.pants("lock"), cwd=root, env=bench.env, check=True, stdout=subprocess.DEVNULL)
    bin = bench.virtualenv("tests-ready", [PYTEST, XDIST])
    plain = [bin / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # What all runs need is there: the wheels, and the modules that Python has compiled.
    once = f"{folder(0)}/test_0.py"
    for command in (bench.pants("test", once), [*plain, "-n", "2"]):
        bench.measure(command, root, runs=1)
    pytest = bench.measure(plain, root, runs=3)
    xdist = bench.measure([*plain, "-n", "2"], root, runs=3)
    whole = bench.pants("test", "::")
    edited, numbers = root / folder(1) / "lib.py", itertools.count()

    def edit():
        edited.write_text(f"{LIBRARY}# {next(numbers)}\n")
        time.sleep(0.05)

    ours = {"cold": bench.measure(whole, root, runs=1)}
    # What was written within a tick of the clock is looked at again.
    bench.measure(whole, root, runs=2)
    ours["no-op"] = bench.measure(whole, root)
    ours["one edit"] = bench.measure(whole, root, before=edit, runs=3)
    for what, measured in ours.items():
        bench.row(f"test {count} files, {what}", measured, "pytest", pytest)
        bench.row(f"test {count} files, {what}", measured, "pytest -n 2", xdist)
    batched(bench, root, count, whole, pytest)
    overhead(bench, root, plain)
    beside_pants_2(bench, write, empty)
    empty(root)


def batched(bench, root, count, whole, pytest):
    """The same files with leave to share processes."""
    builds = [root / folder(number) / "BUILD" for number in range(count // PER_FOLDER)]
    texts = [build.read_text() for build in builds]
    for build, text in zip(builds, texts):
        build.write_text(text.replace('name = "tests"', 'name = "tests", batch = "all"'))
    for lib in root.glob("*/lib.py"):
        lib.write_text(f"{LIBRARY}# anew\n")
    bench.row(f"test {count} files, cold, in batches", bench.measure(whole, root, runs=1), "pytest", pytest)
    for build, text in zip(builds, texts):
        build.write_text(text)


def overhead(bench, root, plain):
    """What a process takes longer than a bare one, both one after the other."""
    files = [f"{folder(2 + number // PER_FOLDER)}/test_{number % PER_FOLDER}.py" for number in range(ALONE)]
    bare = [bench.measure([*plain, file], root, runs=3) for file in files]
    one_by_one = bench.pants("-j", "1", "test", *files)
    bench.measure(one_by_one, root, runs=2)
    nothing = bench.measure(one_by_one, root, runs=3)
    forced = bench.measure([*one_by_one, "--force"], root, runs=3)
    for what, of in (("wall", lambda run: run.wall), ("CPU", lambda run: run.cpu)):
        theirs = sum(of(run) for run in bare) / ALONE
        ours = (of(forced) - of(nothing)) / ALONE
        print(
            f"a test process, {what}: {ours * 1e3:.1f} ms, bare `python -m pytest`: {theirs * 1e3:.1f} ms, "
            f"more: {(ours - theirs) * 1e3:.1f} ms; ratio {ours / theirs:.2f}"
        )


def beside_pants_2(bench, write, empty):
    """Cold, and with nothing to do, on some of the files."""
    files = PANTS_2_FOLDERS * PER_FOLDER
    if not python_3_9():
        return skipped(PANTS_2, f"there is no Python {PANTS_2_PYTHON}")
    root, options = pants_2_repository(bench, files, write)
    if not (found := pants_2(bench, root)):
        return None
    peer, command = found
    command = [*command, *options, "--no-pantsd", "test", "::"]
    fresh = lambda: empty(Path(peer.environment["PANTS_LOCAL_STORE_DIR"]))
    # The first run fetches what all runs need, which the named caches keep.
    theirs = {"cold": peer.measure(command, before=fresh), "no-op": peer.measure(command)}
    if not peer.works:
        return None
    own = bench.work / "tests-beside-pants-2"
    generate(own, files, PANTS_2_PYTHON, write)
    subprocess.run(bench.pants("lock"), cwd=own, env=bench.env, check=True, stdout=subprocess.DEVNULL)
    whole = bench.pants("test", "::")
    bench.measure(bench.pants("test", f"{folder(0)}/test_0.py"), own, runs=1)
    row(bench, f"test {files} files, cold", bench.measure(whole, own, runs=1), PANTS_2, theirs["cold"])
    bench.measure(whole, own, runs=2)
    row(bench, f"test {files} files, no-op", bench.measure(whole, own), PANTS_2, theirs["no-op"])
