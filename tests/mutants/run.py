#!/usr/bin/env python3
"""Disables each defence in a copy of the sources, and expects that the attack succeeds: tests/mutants/run.py [words]

With words, runs only the mutants whose defence contains them. Exits 1 and names each defence that no test covers.
"""
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
COPY = TARGET / "mutants"


def copy_sources():
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout
    shutil.rmtree(COPY, ignore_errors=True)
    for name in filter(None, names.split("\0")):
        if name.startswith(("crates/", "catalog/", "examples/", "tests/support/", ".cargo/", "Cargo.", "docs/openapi", "clippy")):
            place = COPY / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place)


def run_tests(name, package, target):
    """The exit status and the output. A test that hangs counts as failed."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET), "RUST_BACKTRACE": "0"}
    environment.pop("CANARY_DIR", None)
    command = ["cargo", "test", "--quiet", "-p", package, *target.split(), "--", name]
    try:
        done = subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return 1, "panicked: it did not end"
    return done.returncode, done.stdout + done.stderr


def judge(mutant):
    """None if the attack succeeded, otherwise the reason."""
    originals = {}
    try:
        for edit in mutant["edit"]:
            path = COPY / edit["file"]
            text = path.read_text()
            originals.setdefault(path, text)
            if text.count(edit["from"]) != 1:
                return f"{edit['file']} does not have the text once: the defence has moved"
            path.write_text(text.replace(edit["from"], edit["to"]))
        status, output = run_tests(mutant["test"], mutant.get("package", "strongroom"), mutant.get("target", "--test it"))
    finally:
        for path, text in originals.items():
            path.write_text(text)
    if "error: could not compile" in output or "error[E" in output:
        return "the mutant does not compile:\n" + output[-2000:]
    if "running 0 tests" in output and "panicked" not in output:
        return f"there is no test {mutant['test']}"
    if status == 0:
        return f"{mutant['test']} does not notice"
    return None if mutant["says"] in output else f"{mutant['test']} fails for another reason:\n" + output[-2000:]


def main():
    if len(sys.argv) > 1 and sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0
    words = " ".join(sys.argv[1:])
    mutants = [mutant for mutant in tomllib.loads((HERE / "mutants.toml").read_text())["mutant"] if words in mutant["defence"]]
    copy_sources()
    unnoticed = []
    for number, mutant in enumerate(mutants, 1):
        began = time.monotonic()
        wrong = judge(mutant)
        verdict = "its absence is noticed" if wrong is None else wrong
        print(f"{number}/{len(mutants)} {mutant['defence']}: {verdict} ({time.monotonic() - began:.0f} s)", flush=True)
        if wrong:
            unnoticed.append(mutant["defence"])
    for defence in unnoticed:
        print(f"not shown: {defence}", file=sys.stderr)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
