# Compiles the modules of a wheel for the start plan of a PEX, from which they are installed beside their sources.
#
# The result is the same wherever it runs: names of files are those in the wheel, times are those of the plan, and the
# seed of hashes is fixed by who starts this. What does not compile is left to fail when it is imported, as ever. Tests
# are left out: no program imports them.

import importlib.util
import marshal
import os
import sys
import zipfile

# The time that the installer gives to sources.
TIME = 315532800


def installed(name):
    """Where a module is installed, relative to the packages; none for what is not installed there."""
    parts = name.split("/")
    if parts[0].endswith(".data"):
        parts = parts[2:] if parts[1] in ("purelib", "platlib") else []
    if not parts or not name.endswith(".py") or {"test", "tests"} & set(parts[:-1]):
        return None
    return "/".join(parts)


def compiled(source, path):
    code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    numbers = [0, TIME, len(source) & 0xFFFFFFFF]
    return importlib.util.MAGIC_NUMBER + b"".join(n.to_bytes(4, "little") for n in numbers) + marshal.dumps(code)


def main(wheel, out):
    os.makedirs(out)
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(set(archive.namelist())):
            path = installed(name)
            if path is None:
                continue
            source = archive.read(name)
            try:
                data = compiled(source, path)
            except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
                continue
            target = os.path.join(out, *importlib.util.cache_from_source(path).split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(data)


main(sys.argv[1], "out")
