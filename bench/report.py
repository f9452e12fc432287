"""What was measured, as docs/BENCHMARKS.md says it, and the bounds that it has to keep."""

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
| Authentication | a plugin's key | a token |
| Authorization | per user: the credential is the named user's, and was given to this plugin | a policy on the path |
| Decryption | key-committing, under a key of the user's own | the barrier's, one keyring for everything |
| Audit | one event, durable (fsync) before the answer leaves | two entries in a file before the answer, no fsync |
| Rate limit | for each key, in force, set too high to refuse | none |
| Storage | SQLite, {ROWS:,} rows | raft on one node, {openbao.SECRETS:,} secrets, KV version 2, with their versions |
"""


@dataclasses.dataclass
class Run:
    """Requests a second, and milliseconds."""

    rate: float
    p50: float
    p99: float


@dataclasses.dataclass
class Memory:
    """The servers' resident megabytes: of both when idle, at most under reads of each."""

    idle: float
    small: float
    large: float


@dataclasses.dataclass
class Results:
    """Medians, by what was measured; `first` are the first reads of the large vault after its start."""

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
    """What, measured, the bound, and whether it holds."""
    rate = {name: run.rate for name, run in results.runs.items()}
    read, idle = rate[read_at(ROWS)], results.memory.idle
    ratios = [
        ("Audited read, of bare", read / rate[BARE], 0.35),
        (f"Audited read at {large:,} rows, of {ROWS:,} rows", rate[read_at(large)] / read, 0.75),
    ]
    if PEER in rate:
        ratios.append(("Audited read, of OpenBao's", read / rate[PEER], 12.00))
    judged = [(what, f"{ratio:.2f}", f"at least {least:.2f}", ratio >= least) for what, ratio, least in ratios]
    return [*judged, ("Resident memory, idle", f"{idle:.1f} MB", f"less than {IDLE_MB} MB", idle < IDLE_MB)]


def table(runs):
    rows = [
        f"| {name} | {run.rate:,.0f} | {run.rate / runs[BARE].rate:.2f} | {run.p50:.2f} ms | {run.p99:.2f} ms |"
        for name, run in runs.items()
    ]
    return "\n".join(["| What | Requests a second | Of bare | p50 | p99 |", "|---|--:|--:|--:|--:|", *rows])


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

- Machine: {machine()}; load average {results.load:.2f} at the start.
  Clients and servers share the cores.
- 64 connections.
- Each number is the median of {results.rounds} runs of {options.seconds} s (of {results.rounds + 1} for bare).
- All but saves took turns, so that what else the machine did met all of them alike. While one was measured, the other servers
  were stopped (SIGSTOP): what a server does after its requests (times of last use, written when it is quiet) is not the next one's.
- Before the first of them, each server was read {results.warm_up} times for each of its rows, unmeasured and at random: each user's key
  was unwrapped once, and all credentials but one in fifty were opened for the first time. The first reads of the vault of
  {options.million:,} rows after its start, from the file and with a key to derive for each: {results.first.rate:,.0f}/s
  ({results.first.rate / results.runs[BARE].rate:.2f} of bare).
- Every answer was a success.

{table(results.runs)}

A read is of a random credential of all: it authenticates the plugin's key, takes from its rate limit, authorizes,
decrypts, and has its audit event on disk before it answers.

- Between the runs, {results.fsyncs:,.0f} writes of 4 KiB a second became durable (fdatasync), one after the other,
  in the same directory.
- The servers' resident memory: {memory.idle:.1f} MB idle, at most; {memory.small:.1f} MB under the reads at {ROWS:,} rows,
  {memory.large:.1f} MB at {options.million:,}, which were allowed a quarter of the machine's (`database.memory_mb`).

## Refreshing

{results.swept['credentials']:,} connected accounts in one vault, {results.swept['due']:,} of them due, in one process with a provider on this machine that
says yes at once. The sweep finds them by an index, asks, and writes; 64 callers read others meanwhile, each read with its event.

| What | Measured |
|---|--:|
| Refreshes a second, each with its durable intent, its request, its durable result | {results.swept['refreshes_per_second']:,.0f} |
| Token requests for {results.swept['due']:,} due | {results.swept['token_requests']:,} |
| Reads a second meanwhile, of those without a sweep | {results.swept['reads_per_second_during'] / results.swept['reads_per_second_alone']:.2f} |
| A sweep that finds nothing | {results.swept['empty_sweep_microseconds']:,} µs |

## Bounds

{bounds_table(judged)}

{verdict(judged)}
{DIFFERENCES if options.peers else ""}
## Once more

```sh
{BUILD}
{command}
```

Each run, with `bench/save.lua` for saves:

```sh
{shlex.join(wrk)}
```
"""
