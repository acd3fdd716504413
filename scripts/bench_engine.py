"""The parts of `bench` that ask what builds cost where nothing has changed, and what an action costs beyond its work.

A peer that is not there, or cannot do it, is skipped by name. Instructions are counted by callgrind, since they do not
depend on what else the machine does: a later run that counts more is a loss, and not noise.
"""

import json
import re
import shutil
import subprocess
import time

from bench_queries import PANTS_2_FILES, PER_FOLDER, bazel, folder, generate, pants_2, row, skipped, words

BAZEL = ["build", "--noshow_progress", "--ui_event_filters=-info"]


def repository(bench, count, write):
    """`count` files that all are in one program, in a repository that is committed; and the program's last module."""
    root = bench.work / f"no-op-{count}"
    generate(root, count, write)
    last = folder(count // PER_FOLDER - 1)
    text = (root / last / "BUILD").read_text()
    minor = bench.minor
    write(root / "pants.toml", f'[source]\nroot_patterns = ["/"]\n[python]\ninterpreters = ["{minor}"]\nplatforms = ["linux-x86_64"]\n')
    # A dependency on every library, so that no file is left out.
    libraries = ", ".join(f'"//{folder(number)}"' for number in range(count // PER_FOLDER))
    # A zip file can have no more than 65,534 entries.
    layout = "packed" if count > 60_000 else "zipapp"
    program = f'pex_binary(name = "app", entry_point = "m8.py", layout = "{layout}", dependencies = [{libraries}])\n'
    write(root / last / "BUILD", text + program)
    write(root / ".gitignore", "/dist/\n/.ninja*\n/stamp\n/bazel-*\n")
    sources = " ".join(str(path.relative_to(root)) for path in sorted(root.rglob("*.py")))
    # As we have it: one output of all files.
    write(root / "build.ninja", f"rule touch\n  command = touch $out\nbuild stamp: touch {sources}\ndefault stamp\n")
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Add all"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return root, last


def ninja(bench):
    """The program, from PATH or from the package index; none, said by name, where neither has it."""
    if not hasattr(bench, "ninja"):
        bench.ninja = shutil.which("ninja")
        if not bench.ninja:
            try:
                bench.ninja = bench.virtualenv("ninja", ["ninja"]) / "ninja"
            except subprocess.CalledProcessError:
                skipped("ninja", "it is not on PATH, and pip cannot install it")
    return bench.ninja


def instructions(command, root, env):
    """How many instructions a command runs; none where there is no valgrind, or it does not understand the program."""
    valgrind = shutil.which("valgrind")
    if not valgrind:
        return skipped("instructions", "there is no valgrind")
    counted = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", *words(command)]
    done = subprocess.run(counted, cwd=root, env=env, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        return skipped("instructions", done.stderr.strip()[-200:])
    return int(found[1])


def bench_no_op(bench, count, write, empty):
    """`binary` on `count` files where nothing has changed, in the same folder and in a fresh clone."""
    root, last = repository(bench, count, write)
    build = bench.pants("binary", f"//{last}:app")
    subprocess.run(words(build), cwd=root, env=bench.env, check=True, stdout=subprocess.DEVNULL)
    # What was written within a tick of the clock is looked at again.
    time.sleep(0.1)
    bench.measure(build, root, runs=1)
    ours, name = bench.measure(build, root), f"{count} files: binary, no-op"
    row(bench, name, ours, "git status", bench.measure(["git", "status", "--porcelain"], root))
    if command := ninja(bench):
        subprocess.run([command, "--quiet"], cwd=root, check=True)
        row(bench, name, ours, "ninja, no work", bench.measure([command, "--quiet"], root))
    fresh_clone(bench, count, root, build, empty)
    with_bazel(bench, name, root, last, ours)
    if count > PANTS_2_FILES:
        skipped(f"Pants 2.17 on {count} files", "it takes half an hour")
    elif found := pants_2(bench, root):
        peer, command = found
        for how, option in (("no daemon", "--no-pantsd"), ("daemon", "--pantsd")):
            row(bench, name, ours, f"Pants 2.17, {how}", peer.measure([*command, option, "package", f"//{last}:app"]))
        for pid in root.glob(".pids/*/pantsd/pid"):
            subprocess.run(["kill", pid.read_text()], check=False)
    # Peers leave files, which are looked at once.
    subprocess.run(words(build), cwd=root, env=bench.env, check=True, stdout=subprocess.DEVNULL)
    time.sleep(0.1)
    bench.measure(build, root, runs=1)
    if counted := instructions(build, root, bench.env):
        print(f"{name}: {counted / 1e6:.1f} million instructions, {counted / count:.0f} a file")
    empty(root)


def fresh_clone(bench, count, root, build, empty):
    """The first build in a new clone: every time stamp is new, and nothing runs."""
    clone = bench.work / "clone"

    def copy():
        empty(clone)
        subprocess.run(["git", "clone", "-q", root, clone], check=True)

    ours = bench.measure(build, clone, before=copy, runs=3) if not copy() else None
    status = bench.measure(["git", "status", "--porcelain"], clone, before=copy, runs=3)
    row(bench, f"{count} files: binary, fresh clone", ours, "git status, fresh clone", status)
    copy()
    said = subprocess.run(
        words([*build, "--output", "json"]), cwd=clone, env=bench.env, check=True, capture_output=True, text=True
    )
    ran = json.loads(said.stdout)["actions_run"]
    if ran:
        raise SystemExit(f"a fresh clone runs {ran} actions")
    empty(clone)


def with_bazel(bench, name, root, last, ours):
    found = bazel(bench, root)
    if not found:
        return
    peer, command = found
    # The last module stands upon all the others.
    row(bench, name, ours, "bazel build, server warm", peer.measure([*command, *BAZEL, f"//{last}:m8"]))
    if peer.works:
        peer.run([*command, "shutdown"])


def bench_actions(bench, pants, example, count, empty):
    """What each of `count` actions costs: new, in the cache, and as a process in each sandbox, beside ninja."""
    # Other features of its dependencies than the workspace's would build them once more.
    build = ["cargo", "build", "--release", "--workspace", "--locked", "--example", example.name]
    subprocess.run(build, cwd=pants.parents[2], check=True)
    root = bench.work / "actions"
    root.mkdir()

    def each(cache, number, jobs, *kind):
        said = json.loads(subprocess.check_output([example, root / cache, str(number), str(jobs), *kind]))
        return said["seconds"] * 1e6 / number, said["bytes"] / number

    spawned = max(count // 50, 1)
    for jobs in (1, 2, 4, 8):
        new, size = each(f"cache-{jobs}", count, jobs, "new")
        known, _ = each(f"cache-{jobs}", count, jobs, "known")
        said = f"an action: new {new:.1f} µs, known {known:.1f} µs, {size:.0f} bytes of memory"
        with_ninja = ninja_actions(bench, root / f"ninja-{jobs}", (count, spawned), jobs)
        if with_ninja:
            deciding, spawning = with_ninja
            said += f"; ninja decides in {deciding:.1f} µs, known / that {known / deciding:.2f}"
        print(f"{count} actions, -j {jobs}: {said}")
        for level in ("off", "landlock", "full"):
            ours, _ = each(f"{level}-{jobs}", spawned, jobs, "spawn", pants, level)
            said = f"{ours / 1e3:.2f} ms a process"
            if jobs == 1:
                plain, _ = each("plain", spawned, 1, "plain")
                said += f", {ours / plain:.2f} times a plain spawn ({plain / 1e3:.2f} ms)"
            if with_ninja:
                said += f", {ours / spawning:.2f} times ninja's ({spawning / 1e3:.2f} ms)"
            print(f"{spawned} processes, -j {jobs}, sandbox {level}: {said}")
    empty(root)


def ninja_actions(bench, root, counts, jobs):
    """What an edge of ninja costs in microseconds: one of so many that have nothing to do, and one that spawns `sh -c :`."""
    command = ninja(bench)
    if not command:
        return None
    times = []
    for count, run in zip(counts, ("touch $out", ":")):
        folder = root / str(count)
        folder.mkdir(parents=True)
        (folder / "in").write_text("")
        edges = "".join(f"build out/{number}: act in\n" for number in range(count))
        # The outputs of such a rule are up to date although the log does not say what made them.
        (folder / "build.ninja").write_text(f"rule act\n  command = {run}\n  generator = 1\n{edges}")
        if run != ":":
            (folder / "out").mkdir()
            for number in range(count):
                (folder / f"out/{number}").touch()
        begin = time.perf_counter()
        subprocess.run([command, "--quiet", f"-j{jobs}"], cwd=folder, check=True)
        times.append((time.perf_counter() - begin) * 1e6 / count)
    return times
