"""The remote cache beside Bazel's, on one server of the Remote Execution API that really runs: how long answers take, and how many
bytes and requests an action costs, counted by a proxy between client and server; and what a dead server costs."""

import os
import queue
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

# The versions of the server, by the Python that they are for.
BUILDGRID = {(3, 11): "buildgrid==0.4.4", (3, 12): "buildgrid==0.8.16", (3, 13): "buildgrid==0.9.1"}

CONFIGURATION = """
server:
  - !channel
    address: 127.0.0.1:PORT
    insecure-mode: true
storages:
  - !disk-storage &cas
    path: FOLDER/cas
caches:
  - !lru-action-cache &actions
    storage: *cas
    max-cached-refs: 1000000
    cache-failed-actions: false
    allow-updates: true
instances:
  - name: main
    services:
      - !action-cache
        cache: *actions
      - !cas
        storage: *cas
      - !bytestream
        storage: *cas
thread-pool-size: 100
"""

# The kinds of frames of HTTP/2 that matter here, and the flag of the last of a stream.
DATA, HEADERS, END_STREAM = 0, 1, 1
PREFACE = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")


class Frames:
    """Tells the frames in what goes one way of a connection, as it comes."""

    def __init__(self, skip):
        self.buffer, self.skip = bytearray(), skip

    def take(self, data):
        self.buffer += data
        if self.skip:
            gone = min(self.skip, len(self.buffer))
            del self.buffer[:gone]
            self.skip -= gone
        at, found = 0, []
        while len(self.buffer) - at >= 9:
            length = int.from_bytes(self.buffer[at : at + 3], "big")
            if len(self.buffer) - at < 9 + length:
                break
            kind, flags = self.buffer[at + 3], self.buffer[at + 4]
            found.append((kind, flags, int.from_bytes(self.buffer[at + 5 : at + 9], "big")))
            at += 9 + length
        del self.buffer[:at]
        return found


class Proxy:
    """Stands between clients and a server, and counts. With a delay, each way takes so many seconds longer."""

    def __init__(self, port, delay=0.0):
        self.to, self.delay, self.lock = port, delay, threading.Lock()
        self.clear()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def clear(self):
        self.requests, self.up, self.down, self.times = 0, 0, 0, []

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begun = {}
            threading.Thread(target=self.pump, args=(client, server, begun, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, begun, False), daemon=True).start()

    def pump(self, source, target, begun, is_up):
        frames = Frames(PREFACE if is_up else 0)
        try:
            send = self.later(target) if self.delay else target.sendall
            while data := source.recv(1 << 16):
                send(data)
                self.count(frames.take(data), len(data), begun, is_up)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def later(self, target):
        """What sends as `sendall` does, some time later, in the same order."""
        waiting = queue.Queue()

        def send():
            while True:
                due, data = waiting.get()
                time.sleep(max(due - time.perf_counter(), 0))
                try:
                    target.sendall(data)
                except OSError:
                    return

        threading.Thread(target=send, daemon=True).start()
        return lambda data: waiting.put((time.perf_counter() + self.delay, data))

    def count(self, frames, size, begun, is_up):
        now = time.perf_counter()
        with self.lock:
            if is_up:
                self.up += size
            else:
                self.down += size
            for kind, flags, stream in frames:
                if is_up and kind == HEADERS:
                    self.requests += 1
                    begun[stream] = now
                elif not is_up and kind in (DATA, HEADERS) and flags & END_STREAM and stream in begun:
                    self.times.append(now - begun.pop(stream))

    def told(self, actions):
        times = sorted(self.times) or [0.0]
        at = lambda part: times[min(int(len(times) * part), len(times) - 1)] * 1e3
        return (
            f"answers p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms; an action {self.requests / actions:.2f} requests, "
            f"{self.up / actions:.0f} B up, {self.down / actions:.0f} B down"
        )


class Server:
    """BuildGrid in a folder of its own."""

    def __init__(self, work):
        self.folder = work / "buildgrid-content"
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", work / "buildgrid"], check=True)
        pip = [work / "buildgrid/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, BUILDGRID[sys.version_info[:2]]], check=True)
        bgd = work / "buildgrid/bin/bgd"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        text = CONFIGURATION.replace("PORT", str(self.port)).replace("FOLDER", str(self.folder))
        (self.folder / "server.yml").write_text(text)
        log = open(self.folder / "log", "wb")
        command = [bgd, "server", "start", self.folder / "server.yml"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit((self.folder / "log").read_text())

    def end(self):
        self.process.kill()
        self.process.wait()


def steps(root, count, write):
    """A program of as many files as there are steps, each made by one, whose action has a second for its input."""
    rules = "[genrule(name = 'g%d' % n, outputs = ['o%d' % n], command = 'echo %d > o%d' % (n, n)) for n in range(COUNT)]\n"
    binary = "python_binary(name = 'app', entry_point = 'main.py', dependencies = [':g%d' % n for n in range(COUNT)])\n"
    write(root / "BUILD", (rules + binary + "python_library(name = 'lib')\n").replace("COUNT", str(count)).replace("'", '"'))
    write(root / "main.py", "print('hello')\n")
    write(root / "pants.toml", '[python]\nplatforms = ["linux-x86_64"]\n')


def pants_hits(bench, proxy, count, write, empty):
    root, cache = bench.work / "remote-pants", bench.work / "cache-remote"
    steps(root, count, write)
    env = {**bench.env, "PANTS_CACHE_DIR": str(cache), "PANTS_REMOTE_INSTANCE": "main", "PANTS_REMOTE_UPLOAD_TIMEOUT": "600"}
    env["PANTS_REMOTE_CACHE"] = f"grpc://127.0.0.1:{proxy.port}"
    said = ""
    for again in (False, True):
        empty(cache)
        empty(root / "dist")
        proxy.clear()
        start = time.perf_counter()
        command = [bench.pants()[0], "--output", "json", "binary", "//:app"]
        done = subprocess.run(command, cwd=root, env=env, check=True, capture_output=True, text=True)
        seconds, said = time.perf_counter() - start, done.stderr
        if not again:
            print(f"pants, {count} steps made and uploaded: {seconds:.1f} s", flush=True)
    found, asked = re.search(r"(\d+) of (\d+) steps found", said).groups()
    told = said[said.index("remote cache:") :].strip()
    print(f"pants, {found} of {asked} actions found, {seconds:.2f} s: {proxy.told(int(asked))}\n  {told}", flush=True)
    return seconds / int(asked)


def bazel_hits(bench, proxy, count, write):
    if not shutil.which("bazel"):
        print("skipped: Bazel: there is no `bazel` on PATH (Debian: bazel-bootstrap)")
        return None
    root = bench.work / "remote-bazel"
    rule = "[genrule(name = 'g%d' % n, outs = ['o%d' % n], cmd = 'echo %d > $@' % n) for n in range(COUNT)]\n"
    group = "filegroup(name = 'all_steps', srcs = [':g%d' % n for n in range(COUNT)])\n"
    write(root / "BUILD", (rule + group).replace("COUNT", str(count)).replace("'", '"'))
    write(root / "WORKSPACE", "")
    base = ["bazel", f"--output_user_root={bench.work / 'bazel'}", "--batch"]
    build = [*base, "build", "//:all_steps", f"--remote_cache=grpc://127.0.0.1:{proxy.port}", "--remote_instance_name=main"]
    build += ["--spawn_strategy=local", "--noshow_progress"]
    for again in (False, True):
        proxy.clear()
        start = time.perf_counter()
        done = subprocess.run(build, cwd=root, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        if not again:
            print(f"Bazel, {count} steps made and uploaded: {seconds:.1f} s", flush=True)
            subprocess.run([*base, "clean", "--expunge"], cwd=root, check=True, capture_output=True)
    told = " ".join(line for line in done.stderr.splitlines() if "processes" in line)
    print(f"Bazel, {count} actions, {seconds:.2f} s: {proxy.told(count)}\n  {told}", flush=True)
    return seconds / count


def dead(bench, count, write, empty):
    """What a build loses to a server that nobody answers for, and to one that takes requests and does not answer."""
    root, cache = bench.work / "remote-dead", bench.work / "cache-dead"
    steps(root, count, write)
    silent = socket.create_server(("127.0.0.1", 0), backlog=64)

    def build(address):
        env = {**bench.env, "PANTS_CACHE_DIR": str(cache), "PANTS_REMOTE_CACHE": address}
        runs = []
        for _ in range(3):
            empty(cache)
            empty(root / "dist")
            start = time.perf_counter()
            subprocess.run(bench.pants("binary", "//:app"), cwd=root, env=env, check=True, capture_output=True)
            runs.append(time.perf_counter() - start)
        return statistics.median(runs)

    alone = build("")
    for name, port in (("refuses connections", 9), ("takes requests and is silent", silent.getsockname()[1])):
        lost = build(f"grpc://127.0.0.1:{port}") - alone
        print(f"a server that {name}: a build of {alone:.2f} s loses {lost:.2f} s (2 s are allowed)", flush=True)
    silent.close()


def bench_remote(bench, actions, write, empty):
    """`actions` of each tool, made once, and then found by a client that has nothing."""
    print(f"remote cache: BuildGrid on this machine, {os.cpu_count()} processors for client, proxy and server")
    if sys.version_info[:2] not in BUILDGRID:
        print(f"skipped: the remote cache: there is no BuildGrid for Python {sys.version_info[0]}.{sys.version_info[1]}")
    else:
        server = Server(bench.work)
        try:
            proxy = Proxy(server.port)
            ours = pants_hits(bench, proxy, actions, write, empty)
            peer = bazel_hits(bench, proxy, actions, write)
            if peer:
                print(f"time for an action that is found, pants to Bazel: {ours / peer:.2f}")
        finally:
            server.end()
    dead(bench, 20, write, empty)
