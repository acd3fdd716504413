# Makes the virtual environment of a PEX from the plan in it, the same that the runtime would make, and starts that.
#
# It declines, and the runtime does the same the long way, wherever anything is not as the plan expects: another
# interpreter or system, a variable that may change what runs, a folder that cannot be written, a damaged file. It makes
# folders below `venvs` under the name of this very PEX alone, under the runtime's own locks, and each appears whole.
#
# Python 2.7 has to read this text, though no plan is for it.

import os
import struct
import sys

# Before 1980 there are no times in zip files. Compiled files are good for sources of this time.
TIME = 315532800
# From this size on, files are inflated by threads, and from the next on piece by piece.
LARGE = 100000
HUGE = 32 << 20
PIECE = 1 << 20
# A longer first line of a script is cut off by some systems.
MAX_SHEBANG = 127
# Where plans are in a PEX, one for each configuration, and so much of one holds all that it asks for.
PLANS = "__pex__/.start/plan-"
HEAD = 1024

# Variables of the runtime that the program's own environment obeys.
OBEYED = (
    "PEX_EMIT_WARNINGS",
    "PEX_EXTRA_SYS_PATH",
    "PEX_INTERPRETER",
    "PEX_INTERPRETER_HISTORY",
    "PEX_INTERPRETER_HISTORY_FILE",
    "PEX_MAX_INSTALL_JOBS",
    "PEX_MODULE",
    "PEX_ROOT",
    "PEX_SCRIPT",
    "PEX_VERBOSE",
)


class Declined(Exception):
    pass


def start(pex, root, copy, arguments, given):
    """Becomes the program, or returns, having left nothing behind."""
    try:
        environment = make(pex, root, copy, arguments)
        previous = os.environ.get("PEX")
        os.environ["PEX"] = pex
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            python = os.path.join(environment, "bin", "python")
            os.execv(python, [python] + list(arguments) + [environment] + list(given))
        except OSError:
            if previous is None:
                del os.environ["PEX"]
            else:
                os.environ["PEX"] = previous
            raise
    except Exception as error:
        if os.environ.get("PEX_VERBOSE"):
            reason = str(error) if isinstance(error, Declined) else repr(error)
            sys.stderr.write("%s: not started by its plan: %s\n" % (pex, reason))


def make(pex, root, copy, arguments):
    """The virtual environment, made unless it is there."""
    check_variables(pex)
    stream = os.open(pex, os.O_RDONLY)
    try:
        plan = fitting(stream)
        root = os.path.realpath(os.path.expanduser(root))
        target = os.path.join(root, copy)
        with Locks() as locks:
            # The runtime creates it like that.
            locks.take(os.path.join(root, "access.lck"), shared=True)
            locks.take(lock_of(target))
            if not os.access(os.path.join(target, "bin", "python"), os.X_OK):
                install(plan, root, target, locks, arguments, pex)
        return target
    finally:
        os.close(stream)


def check_variables(pex):
    for name, value in os.environ.items():
        if value and name.startswith(("PEX_", "_PEX_", "__PEX_")) and name not in OBEYED:
            raise Declined("%s is set" % name)
    for name in ("/etc/pexrc", "~/.pexrc", os.path.join(os.path.dirname(pex), ".pexrc")):
        if os.path.exists(os.path.expanduser(name)):
            raise Declined("%s is there" % name)


def lock_of(folder):
    head, tail = os.path.split(folder)
    return os.path.join(head, ".%s.atomic_directory.lck" % tail)


class Locks(object):
    """Locks on files, as the runtime takes them; they end with the process at the latest."""

    def __init__(self):
        self.taken = []

    def take(self, path, shared=False):
        import fcntl

        if not os.path.isdir(os.path.dirname(path)):
            try:
                os.makedirs(os.path.dirname(path))
            except OSError:
                if not os.path.isdir(os.path.dirname(path)):
                    raise
        self.taken.append(os.open(path, os.O_CREAT | os.O_WRONLY))
        fcntl.flock(self.taken[-1], fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        while self.taken:
            os.close(self.taken.pop())


def fitting(stream):
    """The plan in a PEX that is for this interpreter and system, read."""
    found, fits, reasons = members(stream), [], []
    for name in sorted(found):
        if name.startswith(PLANS):
            plan = Plan(stream, found, name)
            try:
                plan.check_interpreter()
                fits.append(plan)
            except Declined as reason:
                if str(reason) not in reasons:
                    reasons.append(str(reason))
    if not fits:
        raise Declined("; ".join(reasons) or "there is none")
    # As the runtime, which takes the wheels for the newest that the system has.
    plan = max(fits, key=lambda plan: numbers(plan.facts["glibc"]))
    plan.read()
    return plan


def numbers(version):
    return [int(number) for number in version.split(".")] if version else []


def libc():
    """The name of the C library, where it can be told, and its version."""
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split(" ", 1)
        return name, numbers(".".join(version.split(".")[:2]))
    except (OSError, ValueError):
        return "", []


class Plan(object):
    """A plan in a PEX, and where in it the bytes are."""

    def __init__(self, stream, found, name):
        import zlib

        self.stream = stream
        self.members = found
        self.packed = self.stored(name)
        self.rows = self.blob = None
        head = zlib.decompressobj().decompress(self.packed, HEAD)
        rows = [row.split("\t") for row in head.decode("utf-8", "replace").split("\n")]
        if rows.pop(0) != ["pants start plan 2"]:
            raise Declined("another kind of plan")
        self.facts = dict(row[1:] for row in rows if row[0] == "F")

    def read(self):
        import zlib

        text, self.blob = zlib.decompress(self.packed).split(b"\0", 1)
        self.rows = [row.split("\t") for row in text.decode("utf-8").split("\n")[1:]]

    def stored(self, name):
        offset, packed, size, method, crc = self.members[name]
        if method != 0:
            raise Declined("%s is not stored as it was" % name)
        return os.pread(self.stream, packed, offset)

    def literal(self, row):
        offset, length = int(row[3]), int(row[4])
        return self.blob[offset : offset + length]

    def check_interpreter(self):
        facts = self.facts
        if "%d.%d" % sys.version_info[:2] != facts["python"] or sys.implementation.name != "cpython":
            raise Declined("it is for CPython %s" % facts["python"])
        if facts["release"] and "%d.%d.%d" % sys.version_info[:3] != facts["release"]:
            raise Declined("it is for CPython %s" % facts["release"])
        if sys.abiflags != facts["flags"]:
            raise Declined("it is for another build of CPython")
        if sys.platform != "linux" or sys.maxsize < 1 << 32:
            raise Declined("it is for Linux with 64 bits")
        if facts["machine"] and os.uname()[4] != facts["machine"]:
            raise Declined("it is for %s" % facts["machine"])
        if facts["libc"]:
            name, version = libc()
            if (name == "glibc") != (facts["libc"] == "glibc") or version < numbers(facts["glibc"]):
                raise Declined("it is for %s" % " ".join([facts["libc"], facts["glibc"]]).strip())

    def base(self):
        """The interpreter that is outside of every virtual environment."""
        base = os.path.join(sys.base_prefix, "bin", self.facts["executable"])
        if not os.access(base, os.X_OK):
            raise Declined("there is no %s" % base)
        return base


def members(stream):
    """Where the data of each member of a zip file without comment and extra fields is, and how it is packed."""
    size = os.fstat(stream).st_size
    end = os.pread(stream, 22, size - 22)
    if end[:4] != b"PK\5\6":
        raise Declined("it does not end as it should")
    length, first = struct.unpack("<LL", end[12:20])
    directory = os.pread(stream, length, first)
    header = struct.Struct("<4s6xH4xLLLHHH8xL")
    found, at = {}, 0
    while at < length:
        magic, method, crc, packed, size, name, extra, comment, offset = header.unpack_from(directory, at)
        if magic != b"PK\1\2":
            raise Declined("its directory is damaged")
        at += header.size
        found[directory[at : at + name].decode("utf-8")] = (offset + 30 + name, packed, size, method, crc)
        at += name + extra + comment
    return found


def install(plan, root, target, locks, arguments, pex):
    work = target + ".lck.work"
    remove(work)
    if os.path.lexists(target):
        # Its interpreter is gone, so that nobody can start it.
        os.rename(target, work)
        remove(work)
    short = short_link(root, target)
    python = os.path.join(short, "venv", "bin", plan.facts["executable"])
    if len(" ".join(["#!" + python] + list(arguments))) > MAX_SHEBANG:
        raise Declined("its path is too long for scripts")
    try:
        os.mkdir(work)
        fill(plan, work, python, pex)
        ensure_short_link(short, target, locks)
        os.rename(work, target)
    except BaseException:
        remove(work)
        raise


def remove(folder):
    if os.path.lexists(folder):
        import shutil

        shutil.rmtree(folder)


def short_link(root, target):
    """A folder with a short name, since first lines of scripts may not be long."""
    try:
        from _sha1 import sha1
    except ImportError:
        from hashlib import sha1
    return os.path.join(root, "venvs", "4", "s", sha1(target.encode("utf-8")).hexdigest()[:8])


def ensure_short_link(short, target, locks):
    locks.take(lock_of(short))
    wanted = os.path.relpath(target, short)
    if os.path.lexists(short):
        link = os.path.join(short, "venv")
        if not os.path.islink(link) or os.readlink(link) != wanted:
            raise Declined("%s is taken" % short)
        return
    work = short + ".lck.work"
    remove(work)
    os.mkdir(work)
    os.symlink(wanted, os.path.join(work, "venv"))
    os.rename(work, short)


def fill(plan, work, python, pex):
    import zlib

    base = plan.base()
    names = {
        "python": python,
        "python_literal": repr(python),
        "base": base,
        "home": os.path.dirname(base),
        "version": "%d.%d.%d" % sys.version_info[:3],
        "sys_version": within_quotes(sys.version),
        "pex": within_quotes(pex),
    }
    written, large, archive = {}, [], 0
    for row in plan.rows:
        kind, path = row[0], work + "/" + row[1] if len(row) > 1 else ""
        if kind == "D":
            os.mkdir(path)
        elif kind == "A":
            offset, packed, size, method, crc = plan.members[row[1]]
            if method != 0:
                raise Declined("%s is not stored as it was" % row[1])
            archive = offset
        elif kind == "M":
            # Path, executable, offset, packed, size, method, checksum.
            offset, packed, size, method, crc = [int(number) for number in row[3:8]]
            place = (archive + offset, packed, size, method, crc)
            if size < LARGE:
                put(path, inflate(plan.stream, place, zlib), row[2] == "1")
            else:
                large.append((path, row[2] == "1", place))
        elif kind == "O":
            put(path, inflate(plan.stream, plan.members[row[3]], zlib), row[2] == "1")
        elif kind == "T":
            data = substituted(plan.literal(row), names, written)
            written[row[1]] = data
            put(path, data, row[2] == "1")
        elif kind == "L":
            os.symlink(row[2], path)
        elif kind == "P":
            os.symlink(base, path)
    in_threads(plan.stream, large, zlib)
    # It tells when the environment was last used, so it has the time of now.
    os.close(os.open(work + "/.last-access", os.O_WRONLY | os.O_CREAT, 0o666))


def within_quotes(text):
    quoted = repr(text)
    if not quoted.startswith("'"):
        raise Declined("%s cannot be within quotes" % quoted)
    return quoted[1:-1]


def substituted(data, names, written):
    """Replaces names between \1, and by `=` and a path the hash and size of what was written there."""
    parts = data.split(b"\1")
    for index in range(1, len(parts), 2):
        name = parts[index].decode("utf-8")
        text = record(written[name[1:]]) if name.startswith("=") else names[name]
        parts[index] = text.encode("utf-8")
    return b"".join(parts)


def record(data):
    try:
        from _sha256 import sha256
    except ImportError:
        try:
            from _sha2 import sha256
        except ImportError:
            from hashlib import sha256
    from binascii import b2a_base64

    encoded = b2a_base64(sha256(data).digest()).decode("ascii").rstrip("=\n")
    return "sha256=%s,%d" % (encoded.replace("+", "-").replace("/", "_"), len(data))


def inflate(stream, place, zlib):
    offset, packed, size, method, crc = place
    data = os.pread(stream, packed, offset)
    if method == 8:
        data = zlib.decompress(data, -15, size or 1)
    if len(data) != size or zlib.crc32(data) & 0xFFFFFFFF != crc:
        raise Declined("it is damaged")
    return data


def create(path, executable):
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777 if executable else 0o666)


def write(stream, data):
    done = os.write(stream, data)
    while done < len(data):
        done += os.write(stream, data[done:])


def put(path, data, executable):
    stream = create(path, executable)
    try:
        write(stream, data)
        os.utime(stream, (TIME, TIME))
    finally:
        os.close(stream)


def put_in_pieces(source, path, executable, place, zlib):
    offset, packed, size, method, crc = place
    inflater = zlib.decompressobj(-15)
    end, found, total = offset + packed, 0, 0
    stream = create(path, executable)
    try:
        while offset < end:
            data = os.pread(source, min(PIECE, end - offset), offset)
            if not data:
                raise Declined("it is damaged")
            offset += len(data)
            if method == 8:
                data = inflater.decompress(data)
            found, total = zlib.crc32(data, found), total + len(data)
            write(stream, data)
        if total != size or found & 0xFFFFFFFF != crc:
            raise Declined("it is damaged")
        os.utime(stream, (TIME, TIME))
    finally:
        os.close(stream)


def in_threads(stream, files, zlib):
    """Writes large files, which the interpreter inflates in parallel."""
    import _thread

    files.sort(key=lambda file: file[2][2])
    errors, ended = [], []

    def work(done):
        try:
            while not errors:
                path, executable, place = files.pop()
                if place[2] < HUGE:
                    put(path, inflate(stream, place, zlib), executable)
                else:
                    put_in_pieces(stream, path, executable, place, zlib)
        except IndexError:
            pass
        except BaseException as error:
            errors.append(error)
        done.release()

    for _ in range(min(len(files), os.cpu_count() or 1, 8)):
        done = _thread.allocate_lock()
        done.acquire()
        ended.append(done)
        _thread.start_new_thread(work, (done,))
    for done in ended:
        done.acquire()
    if errors:
        raise errors[0]
