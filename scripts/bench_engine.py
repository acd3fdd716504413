"""The part of `bench` that asks what builds cost where nothing has changed.

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
    write(root / last / "BUILD", f'{text}pex_binary(name = "app", entry_point = "m8.py", dependencies = [{libraries}])\n')
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
