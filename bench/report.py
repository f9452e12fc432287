"""Writes the results for docs/BENCHMARKS.md, and checks their bounds."""

import dataclasses
import datetime
import os
import pathlib
import platform
import shlex
import sys

import openbao
from vault import BUILD

ROWS = 10_000
BARE, SAVE, LIST = "Bare axum, same requests and body as the read", "Save", "List of 50"
PEER = f"OpenBao {openbao.VERSION}, audited read, {openbao.SECRETS:,} secrets"
IDLE_MB = 60

DIFFERENCES = f"""
## What each side does for a read

| | Strongroom | OpenBao {openbao.VERSION} |
|---|---|---|
| Authentication | a plugin key | a token |
| Authorization | per user: the credential belongs to the named user, for this plugin | a policy on the path |
| Decryption | key-committing, under the user's data key | by the barrier, with one keyring for everything |
| Audit | one event, durable (fsync) before the answer is sent | two entries in a file before the answer, no fsync |
| Rate limit | for each key, active, set too high to refuse a request | none |
| Storage | SQLite, {ROWS:,} rows | raft on one node, {openbao.SECRETS:,} secrets, KV version 2, with their versions |
"""


@dataclasses.dataclass
class Run:
    """Requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


@dataclasses.dataclass
class Memory:
    """The resident megabytes of the servers: idle, and the maximum during reads."""

    idle: float
    small: float
    large: float


@dataclasses.dataclass
class Results:
    """Medians for each measurement. `first` are the first reads of the large vault after its start."""

    runs: dict[str, Run]
    rounds: int
    warm_up: int
    first: Run
    fsyncs: float
    memory: Memory
    load: float
    swept: dict


def read_at(count):
    return f"Audited read, {count:,} rows"


def bounds(results, large):
    """For each bound: its name, the measured value, the limit, and whether it holds."""
    rate = {name: run.rate for name, run in results.runs.items()}
    read, idle = rate[read_at(ROWS)], results.memory.idle
    ratios = [
        ("Audited read, fraction of bare", read / rate[BARE], 0.35),
        (f"Audited read at {large:,} rows, fraction of {ROWS:,} rows", rate[read_at(large)] / read, 0.75),
    ]
    if PEER in rate:
        ratios.append(("Audited read, multiple of OpenBao's", read / rate[PEER], 12.00))
    judged = [(what, f"{ratio:.2f}", f"at least {least:.2f}", ratio >= least) for what, ratio, least in ratios]
    return [*judged, ("Resident memory, idle", f"{idle:.1f} MB", f"less than {IDLE_MB} MB", idle < IDLE_MB)]


def table(runs):
    rows = [
        f"| {name} | {run.rate:,.0f} | {run.rate / runs[BARE].rate:.2f} | {run.p50:.2f} ms | {run.p99:.2f} ms |"
        for name, run in runs.items()
    ]
    return "\n".join(["| What | Requests a second | Fraction of bare | p50 | p99 |", "|---|--:|--:|--:|--:|", *rows])


def bounds_table(judged):
    rows = [
        f"| {what} | {value} | {bound} | {'held' if held else '**failed**'} |" for what, value, bound, held in judged
    ]
    return "\n".join(["| What | Measured | Bound | |", "|---|--:|--:|---|", *rows])


def verdict(judged):
    failed = [what for what, _, _, held in judged if not held]
    return f"Did not hold: {'; '.join(failed)}." if failed else "All held."


def field(file, name):
    lines = pathlib.Path(file).read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "unknown")


def machine():
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    model = field("/proc/cpuinfo", "model name")
    return f"{os.cpu_count()} cores ({model}), {memory:.1f} GiB of memory, Linux {platform.release()}"


def document(results, judged, options, wrk):
    command, memory = shlex.join(["python3", "bench/run.py", *sys.argv[1:]]), results.memory
    return f"""# Benchmarks

Written by `bench/run.py` on {datetime.date.today()}.

- Machine: {machine()}. The load average was {results.load:.2f} at the start.
  Clients and servers share the cores.
- 64 connections.
- Each number is the median of {results.rounds} runs of {options.seconds} s (of {results.rounds + 1} for bare).
- All measurements except saves alternated, so that other load on the machine affected all of them equally. The other servers were
  stopped (SIGSTOP) during each run. Thus the deferred work of one server, such as writing times of last use, does not affect the next run.
- Warm-up: before the first run, each server got {results.warm_up} random reads for each of its rows, unmeasured. They unwrapped each user's data
  key once. They opened all credentials except one in fifty for the first time.
- The first reads of the vault of {options.million:,} rows after its start reached {results.first.rate:,.0f}/s
  ({results.first.rate / results.runs[BARE].rate:.2f} of bare). They read from the file and derive a message key for each record.
- Every answer was a success.

{table(results.runs)}

Each read takes a random credential. It authenticates the plugin key, applies the rate limit, authorizes and decrypts.
Its audit event is on disk before it answers.

- Between the runs, {results.fsyncs:,.0f} sequential writes of 4 KiB a second became durable (fdatasync) in the same directory.
- The servers' resident memory was at most {memory.idle:.1f} MB idle. Under reads it was {memory.small:.1f} MB at {ROWS:,} rows and
  {memory.large:.1f} MB at {options.million:,} rows. The cache could use a quarter of the machine's memory (`database.memory_mb`).

## Refreshing

One vault has {results.swept['credentials']:,} connected accounts, and {results.swept['due']:,} of them are due. A provider in the same process accepts each request at once.
The sweep finds the due accounts by an index, requests new tokens and writes them. During the sweep, 64 callers read other accounts, and
each read writes its event.

| What | Measured |
|---|--:|
| Refreshes a second, each with a durable intent, a request and a durable result | {results.swept['refreshes_per_second']:,.0f} |
| Token requests for {results.swept['due']:,} due | {results.swept['token_requests']:,} |
| Reads a second during the sweep, as a fraction of those without a sweep | {results.swept['reads_per_second_during'] / results.swept['reads_per_second_alone']:.2f} |
| A sweep that finds nothing | {results.swept['empty_sweep_microseconds']:,} µs |

## Bounds

{bounds_table(judged)}

{verdict(judged)}
{DIFFERENCES if options.peers else ""}
## Run it again

```sh
{BUILD}
{command}
```

Each run uses this command, with `bench/save.lua` for saves:

```sh
{shlex.join(wrk)}
```
"""
