"""Compares Strongroom with a bare server of its HTTP stack, and with --peers also with OpenBao.

Needs Linux and the release binaries (`cargo build --release --workspace --bins --examples`). Installs wrk if it is
missing. Prints a table, writes docs/BENCHMARKS.md, and exits with 1 if a bound does not hold.
"""

import sys

# Must precede the imports, which would otherwise write compiled files into the source tree.
sys.dont_write_bytecode = True

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import shlex
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time

import report
from common import ROOT, SCRATCH, alone, call, fail, first_answer, say, write_paths
from openbao import SECRETS, openbao
from report import ROWS, Results, Run, read_at
from vault import SWEEP, bare, check_binaries, resident_mb, vault

ROUNDS = 3
# The number of random reads for each row before the measured ones. They unwrap each user's data key once. They open all
# credentials except one in fifty for the first time.
WARM_UP = 4
WARM_UP_SECONDS = 10


def install_wrk():
    if shutil.which("wrk") is None:
        say("wrk is missing: installing it with apt-get")
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*sudo, "apt-get", "install", "-y", "wrk"], check=True)


def wrk_command(script, seconds, port):
    options = ["-t2", "-c64", "--latency", "--timeout", "10s", f"-d{seconds}s", "-s", script]
    return ["wrk", *options, f"http://127.0.0.1:{port}"]


def wrk(target, seconds):
    command = wrk_command(target.script, seconds, target.port)
    environment = os.environ | {"BENCH_PATHS": str(target.paths), "BENCH_HEADER": target.header}
    done = subprocess.run(command, cwd=ROOT / "bench", env=environment, capture_output=True, text=True)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode or not last.startswith("{"):
        fail(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
    counts = json.loads(last)
    if counts["refused"] or counts["broken"] or not counts["requests"]:
        fail(f"not every answer was a success, so this measures nothing: {last}")
    return Run(counts["requests"] / counts["seconds"], counts["p50"], counts["p99"])


def measure(runs, name, target, seconds, servers):
    with alone(target.pid, servers):
        run = wrk(target, seconds)
    runs.setdefault(name, []).append(run)
    say(f"{name}: {run.rate:,.0f}/s, p50 {run.p50:.2f} ms, p99 {run.p99:.2f} ms")


def median(runs):
    return Run(*(statistics.median(values) for values in zip(*map(dataclasses.astuple, runs))))


def warm_up(target, rows):
    """Measures the first reads of a server that has just started."""
    first, done = None, 0
    while done < WARM_UP * rows:
        run = wrk(target, WARM_UP_SECONDS)
        first, done = first or run, done + run.rate * WARM_UP_SECONDS
        say(f"warming up: {done:,.0f} reads of {rows:,} rows, {run.rate:,.0f}/s")
    return first


@contextlib.contextmanager
def memory_sampled(pid, samples):
    stop = threading.Event()

    def sample():
        while not stop.wait(0.1):
            samples.append(resident_mb(pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield
    finally:
        stop.set()
        sampler.join()


def fsyncs(directory, servers):
    """The number of sequential durable writes of 4 KiB a second."""
    block, count, began = os.urandom(4096), 0, time.monotonic()
    with open(directory / "fsync", "wb", buffering=0) as file, alone(None, servers):
        while time.monotonic() - began < 1:
            file.write(block)
            os.fdatasync(file.fileno())
            count += 1
    rate = count / (time.monotonic() - began)
    say(f"{rate:,.0f} fsyncs/s")
    return rate


def listing(small, paths):
    """Lists the credentials of a user with fifty."""
    target = small.as_user("user-0", "get.lua", paths)
    if len(first_answer(target)["items"]) != 50:
        fail("user-0 does not have 50 credentials")
    return target


def saving(small, number, paths):
    """Saves credentials of a known user, because the first save creates the user's data key."""
    target = small.as_user(f"saver-{number}", "save.lua", paths)
    draft = {"plugin": "openai", "type": "api-key", "name": "The first", "fields": {"api_key": "sk-" + "0" * 40}}
    call("POST", target.port, "/v1/credentials", draft, target.header)
    return target


def sweep(scratch):
    """Refreshes a few of many connected accounts, and reads others meanwhile."""
    directory = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    say("connecting 100,000 accounts, of which 1,000 will fall due")
    command = [SWEEP, directory / "v.db", "100000", "1000"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    swept = json.loads(done.stdout)
    say(f"swept: {swept['refreshes_per_second']:,.0f} refreshes/s, {swept['reads_per_second_during']:,.0f} reads/s")
    return swept


def measure_all(options, scratch, stack):
    load, seconds = os.getloadavg()[0], options.seconds
    small, large = (stack.enter_context(vault(scratch, count)) for count in (ROWS, options.million))
    floor = stack.enter_context(bare(scratch, small.read))
    others = {read_at(options.million): large.read}
    if options.peers:
        others[report.PEER] = stack.enter_context(openbao(scratch))
    one_list = write_paths(scratch / "list", ["/v1/credentials?limit=50"])
    one_save = write_paths(scratch / "save", ["/v1/credentials"])
    servers = [target.pid for target in (floor, small.read, *others.values())]
    runs, durable, memory, memory_large = {}, [], [], []

    # Data in the kernel's cache would compete with the measured fsyncs.
    os.sync()
    wrk(floor, WARM_UP_SECONDS)
    warm_up(small.read, ROWS)
    first = warm_up(large.read, options.million)
    if options.peers:
        warm_up(others[report.PEER], SECRETS)
    for _ in range(ROUNDS):
        measure(runs, report.BARE, floor, seconds, servers)
        with memory_sampled(small.pid, memory):
            measure(runs, read_at(ROWS), small.read, seconds, servers)
        with memory_sampled(large.pid, memory_large):
            for name, target in others.items():
                measure(runs, name, target, seconds, servers)
        measure(runs, report.LIST, listing(small, one_list), seconds, servers)
        durable.append(fsyncs(scratch, servers))
    measure(runs, report.BARE, floor, seconds, servers)
    # Last, because these runs add rows.
    for number in range(ROUNDS):
        measure(runs, report.SAVE, saving(small, number, one_save), seconds, servers)
        durable.append(fsyncs(scratch, servers))

    medians = {name: median(of) for name, of in runs.items()}
    idle = max(small.idle_mb, large.idle_mb)
    memory = report.Memory(idle, max(memory), max(memory_large))
    return Results(medians, ROUNDS, WARM_UP, first, statistics.median(durable), memory, load, sweep(scratch))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="how long each run takes")
    parser.add_argument("--peers", action="store_true", help="measure OpenBao too")
    parser.add_argument("--million", type=int, default=1_000_000, help="rows of the large vault")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/BENCHMARKS.md", help="where to write")
    options = parser.parse_args()
    # Without a handler, SIGTERM would leave the servers and the directory behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    check_binaries()
    install_wrk()
    for directory in (SCRATCH, options.out.parent):
        directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch, contextlib.ExitStack() as stack:
        results = measure_all(options, pathlib.Path(scratch), stack)

    judged = report.bounds(results, options.million)
    options.out.write_text(report.document(results, judged, options, wrk_command("get.lua", options.seconds, "PORT")))
    print(f"\n{report.table(results.runs)}\n\n{report.bounds_table(judged)}\n\n{report.verdict(judged)}")
    return 0 if all(held for _, _, _, held in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
