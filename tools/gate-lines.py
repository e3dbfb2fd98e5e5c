#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the numbers of lines in docs/hypervisor.md with the files.

A row of its table names files of examples/hypervisor/, or files and folders from the root on; a source's header counts
with it. The number in the row's last column may be 15 percent or 25 lines too small or too large. Each file of the
example must be in one row. Prints PASS, or FAIL and what is wrong.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "hypervisor"
PAGE = ROOT / "docs" / "hypervisor.md"
SOURCES = ("*.c", "*.h", "*.S")


def files_of(name):
    """Returns the files that a name in the table stands for."""
    path = EXAMPLE / name if (EXAMPLE / name).exists() else ROOT / name
    if path.is_dir():
        return [file for pattern in SOURCES for file in path.glob(pattern)]
    return [file for file in (path, path.with_suffix(".h")) if file.exists()]


def main():
    wrong, seen = [], []
    for row in re.findall(r"^\| (`.*) \| (\d+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        files = {file for name in re.findall(r"`([^`]*)`", row[0].split(" | ")[0]) for file in files_of(name)}
        lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
        if abs(lines - int(row[1])) > max(0.15 * lines, 25):
            wrong.append(f"{row[0].split(' | ')[0]}: {lines} lines instead of {row[1]}")
        seen += files
    for file in sorted(file for pattern in SOURCES for file in EXAMPLE.rglob(pattern)):
        if seen.count(file) != 1:
            wrong.append(f"{file.relative_to(ROOT)} is in {seen.count(file)} rows")
    for text in wrong:
        print(f"FAIL\tlines\tdocs/hypervisor.md: {text}")
    if not wrong:
        print(f"PASS\tlines\t{len(seen)} files")
    return 1 if wrong else 0


sys.exit(main())
