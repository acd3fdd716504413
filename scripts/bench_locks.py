"""The part of `bench` that locks: sixty requirements beside the tools of the field, and what one more requirement moves.

Each tool resolves for one Python, from the index of this machine. A peer that cannot do it is skipped by name.
"""

import difflib
import os
import shutil
import subprocess
import sys
import tomllib

from bench_queries import PANTS_2, pants_2, skipped

UV = "uv==0.13.9"
PEX = "pex==2.105.2"

REQUIREMENTS = """
    aiohttp alembic attrs beautifulsoup4 black boto3 cachetools celery click coverage cryptography django
    djangorestframework docker fastapi flask gunicorn httpx ipython isort jinja2 jsonschema kombu lxml mako markdown
    marshmallow mypy networkx numpy openpyxl orjson pandas paramiko pillow pluggy prometheus-client psutil pydantic
    pygments pyjwt pytest pytest-cov python-dateutil pyyaml redis requests rich ruff scipy sentry-sdk setuptools
    six sqlalchemy tenacity tornado tqdm typer uvicorn werkzeug
""".split()
# What is added later, and needs a thing that nothing else of them does.
ONE_MORE = "hypothesis"


def repository(root, write, minor):
    write(root / "pants.toml", f'[python]\ninterpreters = ["{minor}"]\nplatforms = ["linux-x86_64"]\n')
    write(root / "requirements.txt", "".join(f"{one}\n" for one in REQUIREMENTS))
    write(root / "BUILD", 'python_requirements(name = "reqs")\n')


def bench_locks(bench, write, empty, minor):
    """Cold (nothing cached), warm with no lock to start from, and with a lock that holds; then one requirement more."""
    tools = bench.virtualenv("lockers", [UV, PEX])
    root, caches = bench.work / "lock", bench.work / "lock-caches"
    repository(root, write, minor)
    lock = root / "pants.lock"
    python = shutil.which(f"python{minor}") or sys.executable
    # All have the same uv at hand; who brings none would be measured fetching it.
    env = {**bench.env, "PATH": f"{tools}:{os.environ['PATH']}", "PANTS_CACHE_DIR": str(caches / "ours")}
    env |= {"UV_CACHE_DIR": str(caches / "uv"), "PEX_ROOT": str(caches / "pex"), "UV_PYTHON": python}

    def measure(command, out, cold):
        def before():
            out.unlink(missing_ok=True)
            if cold:
                empty(caches)

        return bench.measure(command, root, before=before, runs=1 if cold else 3, env=env)

    out = root / "out"
    peers = {
        "uv pip compile": [tools / "uv", "pip", "compile", "-q", "--generate-hashes", "-o", out, "requirements.txt"],
        "pex3 lock create": [tools / "pex3", "lock", "create", "-r", "requirements.txt", "-o", out, "--python", python],
    }
    ours = {}
    for state, cold in (("cold", True), ("warm", False)):
        ours[state] = measure(bench.pants("lock"), lock, cold)
        for name, command in peers.items():
            try:
                bench.row(f"lock of {len(REQUIREMENTS)}, {state}", ours[state], name, measure(command, out, cold))
            except SystemExit as error:
                skipped(name, str(error)[-300:])
    pants_2_locks(bench, root, ours, env, caches, write)
    again = bench.measure(bench.pants("lock"), root, runs=3, env=env)
    bench.row("lock, as it is", again, "lock, warm", ours["warm"])
    one_more(bench, root, lock, env)
    empty(root)
    empty(caches)


def pants_2_locks(bench, root, ours, env, caches, write):
    if not (found := pants_2(bench, root)):
        return
    peer, command = found
    config = bench.work / "pants-2-locks.toml"
    write(
        config,
        '[GLOBAL]\npants_version = "2.17.1"\nbackend_packages = ["pants.backend.python"]\nbuild_patterns = ["BUILD"]\n'
        '[python]\ninterpreter_constraints = ["CPython==3.9.*"]\nenable_resolves = true\n'
        '[python.resolves]\npython-default = "pants-2.lock"\n',
    )
    peer.environment |= {**env, **peer.environment, "PANTS_CONFIG_FILES": str(config)}
    warm = peer.measure([*command, "--no-pantsd", "generate-lockfiles"], cold=True)
    if warm:
        bench.row(f"lock of {len(REQUIREMENTS)}, warm", ours["warm"], PANTS_2, warm)


def packages(lock):
    return {one["name"]: one for one in tomllib.loads(lock.read_text())["packages"]}


def one_more(bench, root, lock, env):
    """Which lines of the lock change by one requirement more, and whose they are."""
    before, lines = packages(lock), lock.read_text().splitlines()
    requirements = root / "requirements.txt"
    requirements.write_text(f"{requirements.read_text()}{ONE_MORE}\n")
    subprocess.run([str(word) for word in bench.pants("lock")], cwd=root, env=env, check=True, capture_output=True)
    after = packages(lock)
    changed = [line for line in difflib.ndiff(lines, lock.read_text().splitlines()) if line[0] in "+-"]
    moved = sorted(name for name in before if before[name] != after.get(name))
    added = sorted({*after} - {*before})
    print(f"one requirement more: {len(changed)} lines differ; new: {', '.join(added)}; moved: {', '.join(moved) or 'none'}")
    if moved or ONE_MORE not in added:
        raise SystemExit(f"one requirement more moved {moved}")
