#!/usr/bin/env python3
"""Measure the words of Markdown documents.

Prints the number of sentences, the mean and the 90th percentile of words per sentence, and the longest
sentence of each file. Exits 1 if a sentence is too long or contains a banned word.

Code blocks, front matter, HTML comments and table separators are skipped. Inline code counts as one word.
A heading, a list item and a table cell each start a new sentence.
"""

import argparse
import math
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.path.relpath(pathlib.Path(__file__).resolve().parent.parent))
BANNED = ("whoever", "whatever", "whomever", "somebody", "nobody", "anybody", "everybody")
LONGEST = 25
EXAMPLE = "example:\n  tests/words.py README.md docs/API.md"

FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
SEPARATOR = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
CODE = re.compile(r"(`+)(?:(?!\1).)+?\1(?!`)", re.DOTALL)
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)", re.DOTALL)
CELL = re.compile(r"(?<!\\)\|")
ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|vs|cf)\.")
END = re.compile(r"(?<=[.!?])[\"”')*_]*\s+(?=[\"“'(*_]*[A-Z0-9\x00<])")
WORD = re.compile(r"[\w\x00]")


def blocks(text):
    """Yields (line number, text) of each paragraph, heading, list item and table row."""
    lines = text.splitlines()
    start = 0
    if lines and lines[0].strip() == "---":
        start = next((number + 1 for number, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
    fence, comment, block, first, listed = None, False, [], 0, False
    for number, line in enumerate(lines[start:], start + 1):
        bare = line.strip()
        mark = FENCE.match(line)
        if fence or mark:
            if not fence:
                fence = mark[1]
            elif bare.startswith(fence) and not bare.strip(fence[0]):
                fence = None
            ends, taken = True, None
        elif comment or bare.startswith("<!--"):
            comment = "-->" not in bare
            ends, taken = True, None
        elif not bare:
            ends, taken = True, None
        elif line.startswith("    ") and not block and not listed:
            ends, taken = True, None
        elif bare.startswith("|"):
            ends, taken = True, None
            if not SEPARATOR.match(line):
                if block:
                    yield first, "\n".join(block)
                    block = []
                for cell in CELL.split(CODE.sub(lambda code: code[0].replace("|", " "), bare.strip("|"))):
                    yield number, cell
        else:
            ends, taken = bool(ITEM.match(line)) or bare.startswith("#"), ITEM.sub("", line).strip("# \t")
        if ends and block:
            yield first, "\n".join(block)
            block = []
        if taken:
            first = first if block else number
            block.append(taken)
            if bare.startswith("#"):
                yield first, taken
                block = []
        if ITEM.match(line):
            listed = True
        elif bare and not line.startswith((" ", "\t")):
            listed = False
    if block:
        yield first, "\n".join(block)


def sentences(text):
    """Yields (line number, words) of each sentence, the words without code."""
    for number, block in blocks(text):
        # A linked file name counts as one word of code.
        plain = LINK.sub(lambda link: "\x00" if re.search(r"[/.]", link[1]) else link[1], CODE.sub("\x00", block))
        plain = re.sub(r"https?://\S+[\w/]", "\x00", plain)
        plain = ABBREVIATION.sub(lambda match: match[1].replace(".", ""), plain)
        for sentence in END.split(re.sub(r"\s+", " ", plain)):
            words = [word for word in sentence.split(" ") if WORD.search(word)]
            if words:
                yield number, words


def show(words):
    return " ".join(words).replace("\x00", "`…`")


def measure(path):
    """Prints the numbers of one file and its faults; returns whether it has none."""
    found = list(sentences(path.read_text(encoding="utf-8")))
    if not found:
        print(f"{path}: no sentences")
        return True
    counts = sorted(len(words) for _, words in found)
    high = counts[math.ceil(len(counts) * 0.9) - 1]
    longest = max(found, key=lambda one: len(one[1]))
    print(f"{path}: {len(counts)} sentences, mean {sum(counts) / len(counts):.1f}, p90 {high}, longest {counts[-1]}")
    print(f"  longest: {show(longest[1])}")
    faults = 0
    for number, words in found:
        if len(words) > LONGEST:
            faults += 1
            print(f"  {path}:{number}: {len(words)} words: {show(words)}")
        for word in words:
            if (bare := re.sub(r"'s$|\W", "", word.lower())) in BANNED:
                faults += 1
                print(f"  {path}:{number}: banned word: {bare}")
    return not faults


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE",
                        help="Markdown files (default: README.md ARCHITECTURE.md SECURITY.md CONTRIBUTING.md docs/*.md)")
    files = parser.parse_args().files
    if not files:
        names = ("README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md")
        files = [*(ROOT / name for name in names), *sorted((ROOT / "docs").glob("*.md"))]
    try:
        clean = [measure(path) for path in files]
    except OSError as error:
        sys.exit(f"words.py: {error}")
    sys.exit(0 if all(clean) else 1)


if __name__ == "__main__":
    main()
