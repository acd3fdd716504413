"""Builds a source distribution into a wheel, by its own backend (PEP 517). Runs on every Python from 2.7 on.

usage: build.py BACKEND [BACKEND_PATH...]

Beside this file are `sdist/`, with the source distribution, and `wheels/`, with all that the build needs. What is made
goes into `dist/`. Nothing of the interpreter's own site packages is seen, also not by the processes that the backend
starts: these get an environment of their own, by `PYTHONPATH` and a `sitecustomize` in it.
"""

import io
import os
import re
import sys
import tarfile
import zipfile

ROOT = os.path.dirname(os.path.abspath(__file__))
ENVIRONMENT, ISOLATION, SCRIPTS = [os.path.join(ROOT, name) for name in ("environment", "isolation", "bin")]
SOURCE, DIST = os.path.join(ROOT, "source"), os.path.join(ROOT, "dist")

SITECUSTOMIZE = """\
import sys
foreign = ("site-packages", "dist-packages")
sys.path[:] = [path for path in sys.path if not path.rstrip("/").endswith(foreign)]
import site
site.addsitedir({environment!r})
"""

SCRIPT = """\
#!{python}
import sys
from {module} import {first}
sys.exit({function}())
"""


def write(path, content, executable=False):
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    with io.open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o755 if executable else 0o644)
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    os.utime(path, (epoch, epoch))


def inside(folder, name):
    path = os.path.normpath(os.path.join(folder, name))
    if not path.startswith(folder + os.sep):
        sys.exit("pants: `%s` is outside of the archive that it is in" % name)
    return path


def unpack_wheel(path):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename
            if name.endswith("/"):
                continue
            content, executable = archive.read(name), info.external_attr >> 16 & 0o100
            first, _, rest = name.partition("/")
            folder = ENVIRONMENT
            if first.endswith(".data"):
                kind, _, name = rest.partition("/")
                if kind == "scripts":
                    folder, executable = SCRIPTS, True
                    content = re.sub(b"^#!python[^\n]*", b"#!" + sys.executable.encode(), content)
                elif kind not in ("purelib", "platlib"):
                    folder = ROOT
            elif first.endswith(".dist-info") and rest == "entry_points.txt":
                for script, body in console_scripts(content.decode("utf-8")):
                    write(inside(SCRIPTS, script), body.encode("utf-8"), True)
            write(inside(folder, name), content, executable)


def console_scripts(text):
    section = None
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == "console_scripts" and "=" in line:
            name, _, entry = line.partition("=")
            module, _, function = entry.partition("[")[0].strip().partition(":")
            first = function.partition(".")[0]
            yield name.strip(), SCRIPT.format(
                python=sys.executable, module=module.strip(), function=function, first=first
            )


def unpack_source(path):
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.filename.endswith("/"):
                    executable = info.external_attr >> 16 & 0o100
                    write(inside(SOURCE, info.filename), archive.read(info.filename), executable)
        return
    with tarfile.open(path) as archive:
        for member in archive:
            # A link becomes a copy of the file that it leads to within the archive.
            try:
                content = archive.extractfile(member) if member.isreg() or member.islnk() or member.issym() else None
            except KeyError:
                content = None
            if content is not None:
                write(inside(SOURCE, member.name), content.read(), member.mode & 0o100)


def prepare(arguments):
    os.umask(0o022)
    # Standard output and error become one, so that the lines of a log are in order.
    os.dup2(2, 1)
    wheels = os.path.join(ROOT, "wheels")
    for name in sorted(os.listdir(wheels)) if os.path.isdir(wheels) else []:
        unpack_wheel(os.path.join(wheels, name))
    (source,) = os.listdir(os.path.join(ROOT, "sdist"))
    unpack_source(os.path.join(ROOT, "sdist", source))
    write(os.path.join(ISOLATION, "sitecustomize.py"), SITECUSTOMIZE.format(environment=ENVIRONMENT).encode("utf-8"))
    for folder in (DIST, ENVIRONMENT, os.path.join(ROOT, "home"), os.path.join(ROOT, "tmp")):
        if not os.path.isdir(folder):
            os.makedirs(folder)
    environment = dict(os.environ)
    environment.update(
        HOME=os.path.join(ROOT, "home"),
        TMPDIR=os.path.join(ROOT, "tmp"),
        PATH=os.pathsep.join([SCRIPTS, environment["PATH"]]),
        PYTHONPATH=os.pathsep.join([ISOLATION, ENVIRONMENT]),
        # Without this the name of the folder would be in what is compiled.
        CFLAGS="-fdebug-prefix-map=%s=." % ROOT,
    )
    os.execve(sys.executable, [sys.executable, "-s", os.path.abspath(__file__), "--build"] + arguments, environment)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def check_requirements(hooks):
    """What a backend asks for only when it is called, such as `setup_requires`, cannot be fetched here."""
    if not hasattr(hooks, "get_requires_for_build_wheel"):
        return
    there = {normal(name.split("-")[0]) for name in os.listdir(ENVIRONMENT) if name.endswith(".dist-info")}
    for requirement in hooks.get_requires_for_build_wheel({}):
        name = re.match(r"\s*[A-Za-z0-9._-]+", requirement)
        if name is None or normal(name.group().strip()) not in there:
            sys.exit("pants: the build asks for `%s` as well" % requirement)


def build(backend, paths):
    (folder,) = [name for name in os.listdir(SOURCE) if os.path.isdir(os.path.join(SOURCE, name))]
    os.chdir(os.path.join(SOURCE, folder))
    # The first entry is the folder of this file.
    sys.path[0:1] = [os.path.abspath(path) for path in paths]
    sys.argv[1:] = []
    module, _, attribute = backend.partition(":")
    __import__(module)
    hooks = sys.modules[module]
    for name in attribute.split(".") if attribute else []:
        hooks = getattr(hooks, name)
    check_requirements(hooks)
    hooks.build_wheel(DIST, {})


if __name__ == "__main__":
    if sys.argv[1] == "--build":
        build(sys.argv[2], sys.argv[3:])
    else:
        prepare(sys.argv[1:])
