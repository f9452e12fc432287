#!/usr/bin/env python3
"""Checks the structure of the Rust sources: the direction of the crates, and the imports between the files of a crate.

A crate may depend only on the crates that DEPENDS lists. A file of the model imports no backend. The files of a crate
import each other without a cycle. An import names an item, so re-exports count as the file that defines the item.
Methods need no import. An import against the order of LAYERS counts as upward.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_UPWARD = 3

DEPENDS = {
    "crypto": set(),
    "egress": {"crypto"},
    "store": {"crypto"},
    "oauth": {"crypto", "egress"},
    "strongroom": {"crypto", "egress", "store", "oauth"},
    "server": {"strongroom", "crypto", "egress"},
    "cli": {"server", "strongroom"},
}

# The modules of a crate, lowest first. Every module is listed.
LAYERS = {
    "crypto": ["secret entropy hkdf", "secret_buf context key token", "record signing", "keyring"],
    "egress": ["error public_address", "encode policy", "call", "client"],
    "oauth": ["failure provider assertion", "proof", "client", "client_auth answer discovery", "breaker"],
    "store": ["model", "error filter chain", "store", "sqlite"],
    "strongroom": [
        "clock json request fields console::issuer",
        "error",
        "violations",
        "schema",
        "manifest",
        "sealer authenticated",
        "vault",
        "handles",
        "audit idempotency access",
        "tenant user plugin key session",
        "credential",
        "oauth",
        "console",
        "builder",
    ],
    "server": [
        "config limits metrics caller cookie",
        "problem error_page origin",
        "app",
        "assets",
        "principal extract console",
        "api openapi",
        "middleware demo",
        "serve",
    ],
    "cli": ["input memory", "settings", "output log context", "audit connect console credential keys plugin tenant demo", "dev doctor serve", "main"],
}


def code_of(path):
    """The code without strings, comments and unit tests."""
    text = path.read_text()
    text = re.sub(r"(?m)^\s*//.*$", "", text)
    return text.split("#[cfg(test)]\nmod tests")[0]


def uses(text):
    """Each imported path as a list of names, with braces expanded. The second value tells a re-export."""
    for public, tree in re.findall(r"(?m)^(pub(?:\([a-z]+\))? )?use ([^;]+);", text):
        for path in expand(re.sub(r"\s+", " ", tree).strip()):
            yield [part for part in path.split("::") if part], public.startswith("pub")


def expand(tree):
    brace = tree.find("{")
    if brace < 0:
        return [tree.split(" as ")[0].strip()]
    prefix, inner, depth, parts, part = tree[:brace], tree[brace + 1 : tree.rindex("}")], 0, [], ""
    for char in inner + ",":
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts += [part.strip()] if part.strip() else []
            part = ""
        else:
            part += char
    return [name for part in parts for name in expand(prefix + part)]


class Crate:
    def __init__(self, name):
        self.name, self.source = name, ROOT / "crates" / name / "src"
        self.files = {self.module(path): path for path in sorted(self.source.rglob("*.rs"))}
        self.text = {module: code_of(path) for module, path in self.files.items()}

    def module(self, path):
        parts = list(path.relative_to(self.source).with_suffix("").parts)
        return tuple(part for part in parts if part not in ("mod", "lib", "main"))

    def definition(self, path):
        """The module that defines what a path names: the longest module in it, then its re-exports."""
        for end in range(len(path), -1, -1):
            module = tuple(path[:end])
            if module in self.files:
                break
        rest = path[len(module) :]
        if rest:
            for target, public in uses(self.text[module]):
                if public and target[-1] == rest[0]:
                    inner = self.resolve(module, target)
                    if inner is not None and inner != module:
                        return self.definition(list(inner) + rest) if tuple(inner) in self.files else inner
        return module

    def resolve(self, module, path):
        """The absolute path inside the crate, or None if it leaves the crate."""
        head, rest, base = path[0], path[1:], list(module)
        if head == "crate":
            base = []
        elif head == "self":
            pass
        elif head == "super":
            base = base[:-1]
            while rest and rest[0] == "super":
                base, rest = base[:-1], rest[1:]
        elif module + (head,) in self.files:
            rest = path
        else:
            return None
        return self.definition(base + rest)

    def imports(self):
        for module, text in self.text.items():
            for path, public in uses(text):
                target = None if public else self.resolve(module, path)
                if target is not None and target != module and (target or self.name in ("server", "cli")):
                    yield module, target


def cycles(edges):
    """The strongly connected components with more than one file (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in edges.get(node, ()):
            if target not in index:
                visit(target)
            if target in stack:
                low[node] = min(low[node], low[target])
        if low[node] == index[node]:
            part = []
            while not part or part[-1] != node:
                part.append(stack.pop())
            if len(part) > 1:
                found.append(sorted("::".join(module) or "(root)" for module in part))

    for node in list(edges):
        if node not in index:
            visit(node)
    return found


def place(order, module):
    """The layer of a module, or of the nearest module around it. The root file is the highest."""
    return order.get(module, order.get(module[:1], len(order)))


def main():
    faults = []
    for name, allowed in DEPENDS.items():
        manifest = tomllib.loads((ROOT / "crates" / name / "Cargo.toml").read_text())
        ours = {d.removeprefix("strongroom-") for d in manifest["dependencies"] if d.startswith("strongroom")}
        for extra in ours - allowed:
            faults.append(f"crates/{name} depends on {extra}")
        crate = Crate(name)
        order = {tuple(m.split("::")): place for place, layer in enumerate(LAYERS[name]) for m in layer.split()}
        missing = {m[:1] for m in crate.files if m} - {m[:1] for m in order}
        faults += [f"crates/{name}: {m[0]} has no place in LAYERS" for m in sorted(missing)]
        edges, count, upward = {}, 0, []
        for module, target in crate.imports():
            edges.setdefault(module, set()).add(target)
            if module[:1] != target[:1]:
                count += 1
                if place(order, target) > place(order, module):
                    upward.append(f"{'::'.join(module)} imports {'::'.join(target)}")
            if name == "store" and module[:1] == ("model",) and target[:1] == ("sqlite",):
                faults.append(f"crates/store: {'::'.join(module)} imports a backend")
        for part in cycles(edges):
            faults.append(f"crates/{name}: these files import each other: {', '.join(part)}")
        if len(upward) > MAX_UPWARD:
            faults.append(f"crates/{name}: {len(upward)} upward imports, at most {MAX_UPWARD}: {'; '.join(upward)}")
        print(f"crates/{name}: {len(crate.files)} files, {count} imports between modules, {len(upward)} upward")
        print("".join(f"  {text}\n" for text in upward), end="")
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
