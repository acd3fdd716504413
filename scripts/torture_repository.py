"""The part of `torture` that knows the repository: small, with a step of every verb, in eight versions.

A wheel that is compiled and unpacked, a generated file whose command leaves a process behind, and two programs, one of
them a folder. Whether a version's library, generated file and BUILD file differ from version 0's are bits of its number.
"""

import hashlib
import shutil
import sys

MINOR = "%d.%d" % sys.version_info[:2]
VERSIONS = 8
# What makes a build take its time, so that there are instants to stop it at.
MODULES = 60
BUILD = """\
python_requirement(name = "six", requirements = ["six==1.16.0"])
python_library(name = "lib")
# What it starts is to end with it, and has a session of its own.
genrule(
    name = "generated",
    sources = ["names.txt"],
    outputs = ["names.py"],
    command = "(setsid sleep 600 > /dev/null 2>&1 &); sleep 0.1; echo \\"NAMES = '$(cat $SRCS)'\\" > $OUTS",
)
python_binary(name = "app", entry_point = "main.py", env = {"LEVEL": "%d"})
python_binary(name = "folder", entry_point = "main.py", layout = "packed")
"""


def generate(folder, lock=None):
    """Writes version 0; with the file of a lock that was made of it before."""
    modules = folder / "modules"
    modules.mkdir(parents=True)
    python = f'[python]\ninterpreters = ["{MINOR}"]\nplatforms = ["linux-x86_64"]\n'
    (folder / "pants.toml").write_text(f'{python}\n[source]\nroot_patterns = ["/"]\n')
    (folder / ".gitignore").write_text("/dist/\n")
    (modules / "BUILD").write_text("python_library()\n")
    for number in range(MODULES):
        digest = hashlib.sha256(b"%d" % number).hexdigest()
        lines = (f"V{line} = '{hashlib.sha256(b'%d %d' % (number, line)).hexdigest()}'" for line in range(50))
        (modules / f"m{number}.py").write_text(f"NAME = '{digest}'\n" + "\n".join(lines) + "\n")
    imports = "".join(f"import modules.m{number}\n" for number in range(MODULES))
    (folder / "main.py").write_text(f"{imports}import lib, names, six\n\nprint(names.NAMES, lib.VERSION, six)\n")
    if lock:
        shutil.copy(lock, folder / "pants.lock")
    edit(folder, 0)
    return folder


def edit(folder, version):
    """Makes it this version, whichever it was."""
    texts = {
        "lib.py": f"VERSION = {version & 1}\n",
        "names.txt": f"name {version >> 1 & 1}\n",
        "BUILD": BUILD % (version >> 2 & 1),
    }
    for name, text in texts.items():
        # As editors do it: nobody sees a file that is half-written.
        new = folder.parent / f".{folder.name}-{name}.new"
        new.write_text(text)
        new.replace(folder / name)
