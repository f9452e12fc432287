#!/usr/bin/env python3
"""Scans everything that a run of all tests wrote for secrets: logs, answers, errors, metrics, database and WAL pages.

Every secret of every test contains the canary. The encryption key is searched for separately. The scan searches for the
plain text and for common encodings. Only the answer to a plugin's read contains a secret, and the tests do not write it.
"""

import base64
import sys
from pathlib import Path

CANARY = b"CANARYb3d1f7a95c"


def forms(secret: bytes) -> dict[str, bytes]:
    found = {"plain": secret, "upper": secret.upper(), "lower": secret.lower(), "reversed": secret[::-1]}
    found["hexadecimal"] = secret.hex().encode()
    found["HEXADECIMAL"] = secret.hex().upper().encode()
    found["UTF-16"] = secret.decode().encode("utf-16-le")
    found["percent"] = "".join(f"%{byte:02X}" for byte in secret).encode()
    found["JSON escapes"] = "".join(f"\\u{byte:04x}" for byte in secret).encode()
    found["bytes as numbers"] = ", ".join(str(byte) for byte in secret).encode()
    for shift in range(3):
        # The base64 text of the secret inside a longer text, without the characters that its neighbours change.
        text = base64.b64encode(b"\0" * shift + secret)
        inner = text[(shift * 8 + 5) // 6 : len(text) - 4]
        found[f"base64, {shift}"] = inner
        found[f"base64url, {shift}"] = inner.replace(b"+", b"-").replace(b"/", b"_")
    return found


def main() -> int:
    root = Path(sys.argv[1])
    needles = forms(CANARY)
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    size = 0
    leaks = []
    for path in files:
        content = path.read_bytes()
        size += len(content)
        leaks += [f"{path}: {form}" for form, needle in needles.items() if needle in content]
    databases = sum(path.suffix in {".db", ".db-wal"} for path in files)
    logs = sum(path.suffix in {".log", ".txt"} for path in files)
    if databases < 50 or logs < 30:
        print(f"only {databases} database files and {logs} logs were found; run all tests first")
        return 1
    for leak in leaks:
        print(leak)
    print(f"{len(files)} files, {size} bytes, {databases} database and WAL files, {logs} logs and answers: {len(leaks)} leaks")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
