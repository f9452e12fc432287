"""Shared code of the benchmarks: paths, progress, processes, JSON requests, and files of paths for wrk's scripts."""

import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "target/bench"

# No proxy, because the environment's proxy would apply to 127.0.0.1 too.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclasses.dataclass
class Target:
    """The target of wrk: a port, a script, the script's input, and the process of the port."""

    port: int
    script: str
    paths: pathlib.Path
    header: str
    pid: int


def say(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def fail(text):
    sys.exit(f"bench: {text}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(method, port, path, body=None, header=""):
    """Sends one JSON request. Raises unless the status is 2xx."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **dict([header.split(": ", 1)] if header else [])}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
    with OPENER.open(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def first_answer(target):
    """The target's answer to one of the requests that wrk will send."""
    with open(target.paths) as file:
        path = random.choice(file.readlines()).strip()
    return call("GET", target.port, path, header=target.header)


def retry(attempt, what, seconds=30):
    """Retries until it works. Servers need time to start and to elect a leader."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > deadline:
                fail(f"{what} did not answer within {seconds} s: {error}")
            time.sleep(0.1)


@contextlib.contextmanager
def alone(pid, others):
    """Stops the other servers during a run. Their deferred work would slow this one."""
    stopped = [other for other in others if other != pid]
    for other in stopped:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in stopped:
            os.kill(other, signal.SIGCONT)


@contextlib.contextmanager
def running(command, log, **options):
    with open(log, "wb") as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out, **options)
    try:
        yield process
    except BaseException:
        # Printed here, because the log is deleted with the directory.
        last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        say(f"{log.name} ends with:\n{last}" if last else f"{log.name} is empty")
        raise
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def write_paths(file, paths):
    """Writes one path to a line, all of one width, so that a script finds any of a million without an index."""
    paths = list(paths)
    width = max(map(len, paths)) + 1
    file.write_text("".join(path.ljust(width) + "\n" for path in paths))
    return file
