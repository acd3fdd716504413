"""Trees of installed files, and in what they may differ, each kind with its reason. For `scripts/wheels`."""

import base64
import csv
import hashlib
import io
import os
import stat
import zipfile
from collections import Counter

# Imports each top-level module in a process of its own, with few at once, and says what that comes to.
IMPORTS = """
import concurrent.futures, importlib.machinery, os, re, subprocess, sys, sysconfig
site, names = sysconfig.get_path("purelib"), set()
for name in os.listdir(site):
    folder = os.path.isdir(os.path.join(site, name))
    ends = [end for end in importlib.machinery.all_suffixes() if name.endswith(end)]
    stem = name if folder else name[: -len(max(ends, key=len))] if ends else ""
    if stem.isidentifier() and stem not in ("__pycache__", "main"):
        names.add(stem)
def one(name):
    flags = ["-I"] if sys.flags.isolated else []
    command = [sys.executable, *flags, "-c", "import " + name]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    said = (done.stderr.strip().splitlines() or [""])[-1].replace(sys.prefix, "PREFIX")
    return name, "imported" if not done.returncode else re.sub("0x[0-9a-f]+", "0x", said)
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for name, said in pool.map(one, sorted(names)):
        print(name, said, sep="\\t")
"""

REASONS = {
    "activate": "scripts for shells are the interpreter's release's; an image needs none",
    "installer": "INSTALLER names who installed, and its row in RECORD the hash of that",
    "entry script": "each installer has its own text for entry points; ours needs no `re`, and is isolated by `-I`",
    "first line": "whatever Python a script names, ours is the environment's; pip replaces `#!python` alone",
    "python": "which of `python`, `python3` and `python3.11` is the link to the outside is each tool's choice",
    "pyvenv.cfg": "`executable`, `command` and `version` say how the virtualenv was made",
    "program": "ours has the program too: `__main__.py`, `bin/app` and first-party files",
    "rows of scripts": "scripts whose bytes differ have other hashes and sizes in RECORD",
    "rows of replaced scripts": "pip keeps the row of a script that an entry point of the same name replaces",
    "mode": "more than executable or not: pip and uv take the modes of the archive and the umask",
    "requested": "REQUESTED is of what was asked for by name: here all wheels of theirs, and the requirements of ours",
    "uv's own": "`.lock` and `uv_cache.json` are for uv alone",
    "pip3.11": "pip and uv write it for pip alone, which declares `pip` and `pip3`",
    "headers": "uv normalises the name of their folder; pip takes the one that was asked for, ours that of METADATA",
    "empty folders": "uv makes folders that are entries of the archive and have nothing in them",
    "executable": "uv heeds modes in entries that tell no kind of file; pip, the runtime and ours do not",
    "pex: wheels' archives": "`.pex-info` describes the wheel's zip file, for tools that pack it again",
    "pex: copies": "PEX-INFO has the field for copies, which only this comparison sets",
    "pex: summary": "pex-repl lists distributions in the order of the runtime's resolve",
    "pex: place": "paths of PEX_ROOT, which the two starts do not share",
    "pex: rows of scripts": "the runtime hashes scripts before it writes their last first line",
}


def read(folder):
    """What is at each path: kind, mode, and bytes or target."""
    found = {}

    def walk(path, prefix):
        for entry in os.scandir(path):
            name = prefix + entry.name
            if entry.is_symlink():
                found[name] = ("link", 0, os.readlink(entry.path))
            elif entry.is_dir():
                if entry.name != "__pycache__":
                    found[name] = ("folder", 0, b"")
                    walk(entry.path, name + "/")
            else:
                with open(entry.path, "rb") as file:
                    found[name] = ("file", stat.S_IMODE(entry.stat().st_mode), file.read())

    walk(folder, "")
    return found


def scripts_of(wheels):
    """The commands that entry points declare, and the plain scripts of wheels."""
    import configparser

    commands, plain = set(), set()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                top, _, rest = name.partition("/")
                if top.endswith(".data") and rest.startswith("scripts/"):
                    plain.add(rest.split("/")[-1])
                elif top.endswith(".dist-info") and rest == "entry_points.txt":
                    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
                    parser.optionxform = str
                    parser.read_string(archive.read(name).decode())
                    for group in ("console_scripts", "gui_scripts"):
                        commands.update(parser[group] if group in parser else ())
    return commands, plain - commands


def rows(text):
    return {row[0]: tuple(row[1:3]) for row in csv.reader(io.StringIO(text.decode())) if row}


class Compared:
    """Two trees, ours and another's: how often each known kind of difference is there, and what else is."""

    def __init__(self, name, ours, theirs, scripts):
        self.name, self.commands, self.plain = name, *scripts
        self.folders = {str(ours): str(theirs)}
        self.kinds, self.others = Counter(), []
        ours, theirs = read(ours), read(theirs)
        self.count = len(ours)
        for path in sorted({*ours, *theirs}):
            one, other = ours.get(path), theirs.get(path)
            if one != other:
                kind = self.kind(path, one, other)
                self.kinds[kind] += 1
                if kind is None:
                    self.others.append((path, one, other))
        if name != "runtime":
            self.check_records(ours)

    def kind(self, path, one, other):
        top, name = path.split("/")[0], path.split("/")[-1]
        pex = self.name == "runtime"
        if one is None:
            if path.startswith("bin/") and name.lower().startswith("activate"):
                return "activate"
            if name == "REQUESTED" and not pex:
                return "requested"
            if path == "bin/pip3.11" and not pex:
                return "pip3.11"
            if other == ("folder", 0, b"") and name.endswith(".libs"):
                return "empty folders"
            if self.headers(path):
                return "headers"
            if self.name == "uv" and name in (".lock", "uv_cache.json"):
                return "uv's own"
            if pex and (".pex-info" in path or path == ".gitignore"):
                return "pex: wheels' archives" if ".pex-info" in path else "activate"
            return None
        if other is None and self.headers(path):
            return "headers"
        if other is None:
            return "program" if path in ("__main__.py", "bin/app") or name == "main.py" else None
        if top == "bin" and name.startswith("python") and "link" in (one[0], other[0]):
            return "python"
        if one[0] != other[0]:
            return None
        if one[2] == other[2]:
            if (one[1] & 0o111 != 0) == (other[1] & 0o111 != 0):
                return "mode"
            return "executable" if self.name == "uv" and other[1] & 0o111 else None
        if path == "pyvenv.cfg":
            return "pyvenv.cfg"
        if name == "INSTALLER":
            return "installer"
        if name == "RECORD":
            return self.record(one[2], other[2])
        if pex:
            return self.of_runtime(path, one[2], other[2])
        if top == "bin" and name in self.commands:
            return "entry script"
        if top == "bin" and name in self.plain:
            return "first line" if one[2].endswith(other[2].split(b"\n", 1)[-1]) else None
        return None

    def headers(self, path):
        return self.name == "uv" and path.removeprefix("../../../").startswith("include/site/")

    def of_runtime(self, path, one, other):
        if path in ("pex-repl", "PEX-INFO"):
            return "pex: summary" if path == "pex-repl" else "pex: copies"
        one, other = one.split(b"\n"), other.split(b"\n")
        place = len(one) == len(other) and all(
            a == b or b"venvs/4" in a and b"venvs/4" in b for a, b in zip(one, other)
        )
        return "pex: place" if place else None

    def record(self, one, other):
        one, other = rows(one), rows(other)
        kinds = set()
        for path in {*one, *other}:
            if one.get(path) == other.get(path):
                continue
            if path.endswith("/INSTALLER"):
                kinds.add("installer")
            elif path.endswith(("/REQUESTED", "/uv_cache.json")) and path not in one:
                kinds.add("requested" if path.endswith("REQUESTED") else "uv's own")
            elif self.headers(path):
                kinds.add("headers")
            elif path == "../../../bin/pip3.11":
                kinds.add("pip3.11")
            elif path not in one and ".data/scripts/" in path:
                kinds.add("rows of replaced scripts")
            elif path not in one and ".pex-info/" in path:
                kinds.add("pex: wheels' archives")
            elif path in one and path in other and "/bin/" in path:
                kinds.add("pex: rows of scripts" if self.name == "runtime" else "rows of scripts")
            else:
                self.others.append((f"RECORD: {path}", one.get(path), other.get(path)))
                return None
        # One that differs in the order of rows alone, or in how lines end, is the same.
        return max(kinds) if kinds else "order of rows"

    def check_records(self, ours):
        """Each row of RECORD is of a file, with its hash and size, and each file has one row."""
        site = next(path for path in ours if path.endswith("/site-packages"))
        for path in [
            path for path in ours if path.endswith(".dist-info/RECORD") and path.count("/") == site.count("/") + 2
        ]:
            for row, (digest, size) in rows(ours[path][2]).items():
                at = os.path.normpath(os.path.join(site, row))
                if "__pycache__" in row:
                    continue
                if at not in ours or ours[at][0] != "file":
                    self.others.append((f"{path}: {row}", "a row", "no file"))
                elif digest.startswith("sha256="):
                    data = ours[at][2]
                    right = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
                    if digest != f"sha256={right}" or size not in ("", str(len(data))):
                        self.others.append((f"{path}: {row}", (digest, size), (right, len(data))))

    def say(self):
        """Prints what was found, and gives how much of it is not known."""
        print(f"{self.name}: {self.count} paths, {len(self.others)} differ without a known reason", flush=True)
        for kind, count in sorted((kind, count) for kind, count in self.kinds.items() if kind):
            print(f"  {count:6} {kind}: {REASONS.get(kind, 'nothing but that')}")
        for path, one, other in self.others[:20]:
            print(f"  {path}\n    ours:   {str(one)[:300]}\n    theirs: {str(other)[:300]}")
        return len(self.others)
