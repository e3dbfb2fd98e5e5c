#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that dependencies in src/ (calls, and #includes of headers) go one way.

docs/layers.md has two tables of levels, lowest first: what a folder may use, and the files of src/assign/. A header
belongs to the file of the same name. In the other folders files must have no cycle. Names of static functions are
unique in src/. Prints a line for each problem, and PASS or FAIL at the end, with tabs between the fields; exits with 1
on a problem.
"""
import collections
import graphlib
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "layers.md").read_text()
FOLDER = re.compile(r"`(src/(?:\w+/)?)`")
STATIC = re.compile(r"^(?:static|VPT_INLINE\w*|VPT_COLD|VPT_OUT_OF_LINE)\b[^;{=]*?\b(\w+)\(", re.M)
problems = []

may_use = {}
for first, used in re.findall(r"^\| (`src/[^|]*) \| [^|]* \| ([^|]*) \|$", PAGE, re.M):
    problems += [f"docs/layers.md: {name} is no lower folder" for name in FOLDER.findall(used) if name not in may_use]
    may_use.update({name: {name, *FOLDER.findall(used)} for name in FOLDER.findall(first)})
only = re.findall(r"^\| `(src/\w+/)` .* `(src/\w+/)` \(in the files named `(\w+)\.\.\.`\)", PAGE, re.M)
level = {f"src/assign/{name}": row for row, name in enumerate(re.findall(r"^\| `(\w+)\.c` \|", PAGE, re.M))}

files = sorted(path.relative_to(ROOT) for path in (ROOT / "src").rglob("*.[ch]"))
defined, calls, static = {}, collections.defaultdict(set), collections.defaultdict(set)
with tempfile.TemporaryDirectory() as work:
    for path in (path for path in files if path.suffix == ".c"):
        subprocess.run(["gcc", "-std=c11", "-Iinclude", "-c", path, "-o", f"{work}/o"], cwd=ROOT, check=True)
        for line in subprocess.run(["nm", f"{work}/o"], capture_output=True, text=True, check=True).stdout.splitlines():
            kind, symbol = line.split()[-2:]
            if kind == "U":
                calls[path].add(symbol)
            elif kind != "t":
                defined[symbol] = path
        # Not from nm, which does not list what is inlined everywhere.
        for symbol in STATIC.findall((ROOT / path).read_text()):
            static[symbol].add(path)

arrows = {(path, defined[symbol], f"{symbol}()") for path in calls for symbol in calls[path] if symbol in defined}
for path in files:
    for name in re.findall(r'^#include "(.*)"', (ROOT / path).read_text(), re.M):
        arrows.add((path, (ROOT / path.parent / name).resolve().relative_to(ROOT), name))
    for name in re.findall(r"^#include <vpt/(\w+)\.h>", (ROOT / path).read_text(), re.M):
        if f"src/{name}/" in may_use:
            arrows.add((path, pathlib.Path(f"src/{name}/"), f"<vpt/{name}.h>"))

below = collections.defaultdict(set)
for path, target, what in sorted(arrows):
    folder = f"{target if target.suffix == '' else target.parent}/"
    upper, lower = str(path.with_suffix("")), str(target.with_suffix(""))
    if folder not in may_use[f"{path.parent}/"]:
        problems.append(f"{path}: {what}: may not use {folder}")
    elif any(f"{path.parent}/" == one and folder == two and not path.name.startswith(name) for one, two, name in only):
        problems.append(f"{path}: {what}: this file may not use {folder}")
    elif upper in level and level.get(lower, -1) > level[upper]:
        problems.append(f"{path}: {what} is of a higher level, {target}")
    if upper != lower and target.suffix:
        below[upper].add(lower)
try:
    graphlib.TopologicalSorter(below).prepare()
except graphlib.CycleError as error:
    problems.append("a cycle: " + ", ".join(error.args[1]))
problems += [f"{path}: not in the table of docs/layers.md" for path in files
             if path.parent.name == "assign" and path.suffix == ".c" and str(path.with_suffix("")) not in level]

problems += [f"{symbol}(): static in {', '.join(sorted(map(str, paths)))}" for symbol, paths in sorted(static.items())
             if len(paths) > 1]

for problem in problems:
    print(f"FAIL\tarrows\t{problem}")
print("FAIL\tarrows" if problems else f"PASS\tarrows\t{len(arrows)} arrows between {len(files)} files")
sys.exit(1 if problems else 0)
