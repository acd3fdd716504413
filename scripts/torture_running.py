"""The parts of `torture` that are done to builds while they run: killed, interrupted, many at once, and clocks that jump.

Each takes the `Torture` that it is a part of, and gives what it found as one line.
"""

import fcntl
import json
import os
import shutil
import statistics
import subprocess
import termios
import threading
import time
from pathlib import Path

from torture_repository import edit

VERBS = ["apply", "archive", "extract", "fetch", "merge", "run", "write"]
# So often a verb that no kill at a random instant has met is waited for.
TRIES = 30
# Within so many seconds Ctrl-C ends a build; what is measured is said.
PROMPT = 10
# A clock that is so many seconds off, then, after so many looks at it, by another number.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long looks, jump, before, after;

__attribute__((constructor)) static void read_offsets(void) {
    const char *number = getenv("TORTURE_CLOCK");
    char *rest = NULL;
    if (number) {
        before = strtol(number, &rest, 10);
        jump = strtol(rest, &rest, 10);
        after = strtol(rest, NULL, 10);
    }
}

static long offset(void) {
    return __atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED) > jump ? after : before;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, time);
    if (!failed && clock == CLOCK_REALTIME) time->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int failed = real(time, zone);
    if (!failed) time->tv_sec += offset();
    return failed;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
"""


def children():
    """The living children of this process, orphans that came to it among them; those that have ended are waited for."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().rpartition(") ")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid():
            if state == "Z":
                os.waitpid(int(name.split()[0]), os.WNOHANG)
            else:
                found.append(name + ")")
    return found


def running(events):
    """The verbs of the steps that have begun and not ended, as a file of events says."""
    verbs = {}
    # The last line may be half of one.
    for line in events.read_text().split("\n")[:-1] if events.exists() else []:
        event = json.loads(line)
        if event["event"] == "action_started":
            verbs[event["execution"], event["action"]] = event["verb"]
        elif event["event"] == "action_finished":
            verbs.pop((event["execution"], event["action"]), None)
    return set(verbs.values())


def prepared(torture, cold):
    """Makes ready for a build of some version, which is said; with an empty cache if it is cold."""
    version = torture.version()
    torture.cold(version)
    if cold:
        shutil.rmtree(torture.cache, ignore_errors=True)
    torture.fresh()
    edit(torture.tree, version)
    return version


def kill(torture):
    """kill -9 at an instant uniform over the measured time of a build, cold and after an edit."""
    took, count = torture.durations(), torture.options.kills
    events, met, ended, targeted = torture.work / "events", dict.fromkeys(VERBS, 0), 0, 0

    def round_(cold, wait, words):
        version = prepared(torture, cold)
        events.unlink(missing_ok=True)
        process = torture.start("--events", str(events), *words)
        wait(process)
        over = process.poll() is not None
        process.kill()
        process.wait()
        for verb in [] if over else running(events):
            met[verb] += 1
        torture.check(version)
        torture.nothing_is_left()
        return over

    for number in range(count):
        cold = number % 5 == 0
        words = torture.random.choice([["binary", "::"]] * 4 + [["list", "::"], ["cache", "verify"], ["cache", "gc"]])
        after = torture.random.uniform(0, took[cold])
        ended += round_(cold, lambda _: time.sleep(after), words)

    def until(verb):
        def wait(process):
            while process.poll() is None and verb not in running(events):
                time.sleep(0.0005)

        return wait

    for verb in VERBS:
        tries = 0
        while not met[verb] and tries < TRIES:
            tries += 1
            round_(True, until(verb), ["binary", "::"])
        targeted += tries
    while_ = ", ".join(f"{verb} {times}" for verb, times in met.items())
    return f"{count} kills, {ended} of them after the end; while steps ran: {while_} ({targeted} of them aimed)"


def take_terminal():
    """Makes standard input the terminal of this new session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def interrupt(torture):
    """Ctrl-C, typed into the terminal of a build: nothing is left, and the terminal is as it was."""
    took, count = torture.durations(), torture.options.interrupts
    ended, waits = 0, []
    while len(waits) < count and ended < TRIES + count * 5:
        cold = len(waits) % 5 == 0
        version = prepared(torture, cold)
        keyboard, terminal = os.openpty()
        before, said = termios.tcgetattr(terminal), []
        reader = threading.Thread(target=read, args=(keyboard, said))
        reader.start()
        streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
        process = torture.start("binary", "::", **streams, start_new_session=True, preexec_fn=take_terminal)
        time.sleep(torture.random.uniform(0, took[cold]))
        over = process.poll() is not None
        begin = time.monotonic()
        os.write(keyboard, b"\x03")
        try:
            code = process.wait(torture.hangs)
        finally:
            wait = time.monotonic() - begin
            after = termios.tcgetattr(terminal)
            os.close(terminal)
            reader.join()
            os.close(keyboard)
        if over:
            ended += 1
        else:
            waits.append(wait)
        # Until it listens to signals, it ends as any program does.
        if code not in (0, 130, -2) or over and code:
            raise torture.wrong(f"an interrupted build ends with {code}:\n{b''.join(said).decode()}")
        if wait > PROMPT:
            raise torture.wrong(f"an interrupted build ends after {wait:.1f} s")
        if before != after or b"".join(said).rfind(b"\x1b[?25l") > b"".join(said).rfind(b"\x1b[?25h"):
            raise torture.wrong(f"the terminal is not as it was: {before} {after} {said}")
        torture.nothing_is_left()
        torture.check(version)
    if not waits:
        raise torture.wrong("no build was interrupted: all had ended")
    longest = f"median {statistics.median(waits) * 1e3:.0f} ms, at most {max(waits) * 1e3:.0f} ms"
    return f"{len(waits)} interrupts, {ended} more after the end; until it had ended: {longest}"


def read(keyboard, said):
    """Reads what a terminal shows until nobody has it any more."""
    while True:
        try:
            said.append(os.read(keyboard, 4096))
        except OSError:
            return


def race(torture):
    """Eight builds at once on four worktrees that are edited meanwhile, while the cache is collected and emptied."""
    git = ["git", "-C", str(torture.tree), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q"], ["add", "."], ["-c", "commit.gpgsign=false", "commit", "-qm", "Add all"]):
        subprocess.run([*git, *words], check=True)
    folders = [torture.work / f"worktree{number}" for number in range(4)]
    for folder in folders:
        subprocess.run([*git, "worktree", "add", "-q", "--detach", str(folder)], check=True, capture_output=True)
    for version in torture.versions:
        torture.cold(version)
    end = time.monotonic() + torture.options.minutes * 60
    faults, builds, collections = [], [], []

    def repeat(work):
        while time.monotonic() < end and not faults:
            try:
                work()
            except Exception as fault:  # noqa: BLE001 - a thread tells the others of whatever it meets
                faults.append(fault)

    def collect():
        torture.run("cache", *torture.random.choice([["gc", "--budget", "0B"], ["gc", "--budget", "5MB"], ["clear"]]))
        collections.append(1)

    workers = [threading.Thread(target=repeat, args=[lambda folder=folder: build(torture, folder, builds)]) for folder in folders]
    workers.append(threading.Thread(target=repeat, args=[collect]))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if faults:
        raise faults[0]
    torture.nothing_is_left()
    edited = sum(builds)
    return f"{len(builds) * 2} builds, {edited * 2} of them edited meanwhile, {len(collections)} collections"


def build(torture, folder, builds):
    """Two builds of a worktree at once, perhaps with an edit meanwhile: each file is of one of the versions."""
    first, then = torture.version(), torture.version()
    edit(folder, first)
    processes = [torture.start("binary", "::", folder=folder, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    edited = torture.random.random() < 0.5
    if edited:
        time.sleep(torture.random.uniform(0, 0.3))
        edit(folder, then)
    said = [process.communicate(timeout=torture.hangs)[1] for process in processes]
    for process, text in zip(processes, said):
        # What was edited after it was looked at, and is lost by the cache, is nowhere: the build says so.
        if process.returncode and not (edited and "error[source::changed]" in text):
            raise torture.wrong(f"a build beside others ends with {process.returncode}:\n{text}")
    if edited:
        torture.check(then, folder=folder)
    elif torture.dist(folder) != torture.cold(first):
        raise torture.wrong(f"version {first} built beside others differs from a cold build's:\n{said}")
    builds.append(edited)


def clock(torture):
    """The clock is wrong by years, and jumps while a build runs."""
    source, shim = torture.work / "clock.c", torture.work / "clock.so"
    source.write_text(CLOCK)
    compiler = shutil.which("cc")
    if not compiler:
        return "skipped: there is no C compiler"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
    year = 365 * 86400
    rounds = max(1, torture.rounds // 5)
    for number in range(rounds):
        version = prepared(torture, number % 5 == 0)
        offsets = [torture.random.randint(-20 * year, 10 * year) for _ in range(2)]
        jump = torture.random.randrange(60)
        faked = {"LD_PRELOAD": str(shim), "TORTURE_CLOCK": f"{offsets[0]} {jump} {offsets[1]}"}
        torture.run("binary", "::", environment=faked)
        if torture.dist(torture.tree) != torture.cold(version):
            raise torture.wrong(f"a build by a clock that is wrong differs from a cold build's: {faked}")
        torture.fresh()
        torture.check(version)
    return f"{rounds} builds by a clock that jumps"


PARTS = {part.__name__: part for part in (kill, interrupt, race, clock)}
