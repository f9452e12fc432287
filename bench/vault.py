"""The servers of this repository: Strongroom with a filled vault, and the bare server for comparison."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from common import OPENER, ROOT, Target, call, fail, first_answer, free_port, retry, running, say, write_paths

BUILD = "cargo build --release --workspace --bins --examples"
RELEASE = ROOT / "target/release"
STRONGROOM, BARE = RELEASE / "strongroom", RELEASE / "examples/bare"
FILL, SWEEP = RELEASE / "examples/fill", RELEASE / "examples/sweep"


@dataclasses.dataclass
class Vault:
    """A running Strongroom. `read` requests the secrets of all its credentials."""

    pid: int
    port: int
    host_key: str
    idle_mb: float
    read: Target

    def as_user(self, user, script, paths):
        """Creates a session for each run, because sessions are short."""
        host = f"Authorization: Bearer {self.host_key}"
        session = call("POST", self.port, "/v1/sessions", {"user_id": user}, host)
        return Target(self.port, script, paths, f"Authorization: Bearer {session['token']}", self.pid)


def check_binaries():
    for binary in (STRONGROOM, BARE, FILL, SWEEP):
        if not binary.exists():
            fail(f"{binary.relative_to(ROOT)} is missing: {BUILD}")


def resident_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6


def strongroom(environment, *arguments):
    command = [STRONGROOM, *arguments]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def fill(directory, key, count):
    """Saves this many credentials. Returns the paths of their secrets."""
    say(f"filling a vault with {count:,} credentials")
    began = time.monotonic()
    progress = None if sys.stderr.isatty() else subprocess.DEVNULL
    command = [FILL, directory / "v.db", key, str(count)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=progress, text=True).stdout
    say(f"filled in {time.monotonic() - began:.0f} s")
    rows = (line.split() for line in out.splitlines())
    return write_paths(directory / "paths", (f"/v1/credentials/{id}/secret?user_id={user}" for id, user in rows))


def environment_for(directory, port):
    """Rate limits are active, but too high to refuse a request. The caller's settings do not reach the server."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
    return own | {
        "CREDENTIAL_ENCRYPTION_KEY_FILE": str(directory / "key"),
        "DATABASE_URL": f"sqlite:{directory / 'v.db'}",
        "STRONGROOM_SERVER_LISTEN": f"127.0.0.1:{port}",
        "STRONGROOM_LIMITS_PRINCIPAL_PER_SECOND": "10000000",
        "STRONGROOM_LIMITS_ADDRESS_PER_SECOND": "10000000",
    }


@contextlib.contextmanager
def vault(scratch, count):
    directory, port = pathlib.Path(tempfile.mkdtemp(dir=scratch)), free_port()
    environment = environment_for(directory, port)
    key = strongroom(environment, "key", "generate")
    with open(os.open(directory / "key", os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(key)
    paths = fill(directory, key, count)
    plugin_key = strongroom(environment, "plugin-key", "create", "openai", "--label", "bench", "--quiet")
    host_key = strongroom(environment, "host-key", "create", "--label", "bench", "--quiet")
    with running([STRONGROOM, "serve"], directory / "strongroom.log", env=environment) as process:
        time.sleep(2)
        if process.poll() is not None:
            fail(f"strongroom serve ended at once with {process.returncode}")
        idle = resident_mb(process.pid)
        retry(lambda: OPENER.open(f"http://127.0.0.1:{port}/readyz", timeout=5).close(), "strongroom")
        say(f"strongroom with {count:,} credentials is up, {idle:.1f} MB")
        read = Target(port, "get.lua", paths, f"Authorization: Bearer {plugin_key}", process.pid)
        yield Vault(process.pid, port, host_key, idle, read)


@contextlib.contextmanager
def bare(scratch, read):
    """Answers the same requests with the body of one of Strongroom's answers."""
    body = json.dumps(first_answer(read), separators=(",", ":"))
    port = free_port()
    with running([BARE, f"127.0.0.1:{port}", body], scratch / "bare.log") as process:
        target = dataclasses.replace(read, port=port, pid=process.pid)
        retry(lambda: first_answer(target), "bare")
        yield target
