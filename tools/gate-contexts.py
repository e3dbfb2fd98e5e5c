#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the tables of docs/contexts.md against the public headers.

Usage: gate-contexts.py [TABLES [INCLUDE]], in the repository's root; the defaults are docs/contexts.md and include.
Each public function has one line, each callback of the port and each function type too, and there are no others. What a
line says has to go together: a call that is allowed in an interrupt waits for nothing and makes only callbacks that are
allowed there; likewise for a panic. Prints one line a check, fields tab-separated: PASS or FAIL, "contexts", the check,
what is wrong; exits non-zero on any failure.
"""
import json
import re
import subprocess
import sys

GROUPS = {
    "registers": ("mmio_read", "mmio_write", "io_read", "io_write"),
    "configuration": ("config_read", "config_write"),
}
LOCKS = {"none", "queue", "device", "queues", "queue, reset", "queue, device", "device, flush", "registry",
         "device, registry", "array", "device, array", "space", "device, space"}
HANDED_OVER = {"dma_allocate", "dma_free"}
NOTHING = "–"


def headers(include):
    """The public functions, the port's callbacks, the function types, and what is waited for."""
    command = ["clang", "-std=c11", "-ffreestanding", "-I" + include, "-x", "c", "-fsyntax-only", "-Xclang",
               "-ast-dump=json", "-"]
    output = subprocess.run(command, input="#include <vpt/vpt.h>\n", stdout=subprocess.PIPE, check=True,
                            text=True).stdout
    functions, callbacks, types, waits = set(), set(), set(), set()
    for node in json.loads(output)["inner"]:
        name = node.get("name", "")
        if node["kind"] == "FunctionDecl" and name.startswith("vpt_"):
            functions.add(name)
        elif node["kind"] == "TypedefDecl" and name.startswith("vpt_") and "(*)" not in node["type"]["qualType"] \
                and node["type"]["qualType"].endswith(")"):
            types.add(name)
        elif node["kind"] == "RecordDecl" and name == "vpt_port":
            callbacks |= {field["name"] for field in node.get("inner", [])
                          if field["kind"] == "FieldDecl" and "(*)" in field["type"]["qualType"]}
        elif node["kind"] == "EnumDecl" and name == "vpt_wait":
            waits |= {constant["name"][len("VPT_WAIT_"):].lower() for constant in node["inner"]
                      if constant["kind"] == "EnumConstantDecl"}
    return functions, callbacks, types, waits


def read_tables(path):
    """The lines of the two tables, as lists of a name and the other cells; a name that comes twice is there twice."""
    tables = {"call": [], "callback": []}
    table = None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.startswith("|"):
                table = None
            elif cells[0] in tables:
                table = tables[cells[0]]
            elif table is not None and re.fullmatch(r"`\w+`", cells[0]):
                table.append([cells[0].strip("`")] + cells[1:])
    return tables["call"], tables["callback"]


def split(cell):
    return [] if cell == NOTHING else [part.strip() for part in cell.split(",")]


def compare(what, listed, declared):
    problems = [f"{name} has no line" for name in sorted(declared - set(listed))]
    problems += [f"{name} is no {what}" for name in sorted(set(listed) - declared)]
    return problems + [f"{name} has two lines" for name in sorted(set(listed)) if listed.count(name) != 1]


def check_call(cells, allowed, waits):
    """What is wrong with the line of a call; `allowed` has the callbacks' contexts."""
    if len(cells) != 8:
        return ["the number of cells"]
    problems = []
    for context, cell in zip(("init", "thread", "interrupt", "panic"), cells[1:5]):
        if cell not in ("yes", "no") and (context, cell) != ("panic", "handed over"):
            problems.append(f"{context} is \"{cell}\"")
    if cells[5] not in LOCKS:
        problems.append(f"the lock is \"{cells[5]}\"")
    problems += [f"no wait is called {wait}" for wait in split(cells[6]) if wait not in waits]
    made = {one for name in split(cells[7]) for one in GROUPS.get(name, (name,))}
    made |= {"keep_waiting"} if split(cells[6]) else set()
    problems += [f"no callback is called {name}" for name in sorted(made - set(allowed))]
    for context, cell in zip(("init", "thread", "interrupt", "panic"), cells[1:5]):
        for name in sorted(made & set(allowed)):
            excused = cell == "handed over" and name in HANDED_OVER
            if cell != "no" and not excused and allowed[name][context] != "yes":
                problems.append(f"{name} is not allowed in the context {context}")
    return problems


def check_callback(cells):
    if len(cells) != 7:
        return ["the number of cells"]
    return [f"\"{cell}\"" for cell in cells[1:5] if cell not in ("yes", "no")]


def main():
    if len(sys.argv) > 3:
        sys.exit(__doc__)
    functions, callbacks, types, waits = headers(sys.argv[2] if len(sys.argv) > 2 else "include")
    calls, called = read_tables(sys.argv[1] if len(sys.argv) > 1 else "docs/contexts.md")
    allowed = {cells[0]: dict(zip(("init", "thread", "interrupt", "panic"), cells[1:5])) for cells in called}
    checks = {
        "each public function": compare("public function", [cells[0] for cells in calls], functions),
        "each callback": compare("callback", [cells[0] for cells in called], callbacks | types),
        "lines of calls": [f"{cells[0]}: {problem}" for cells in calls
                           for problem in check_call(cells, allowed, waits)],
        "lines of callbacks": [f"{cells[0]}: {problem}" for cells in called for problem in check_callback(cells)],
    }
    if not functions or not callbacks or not types or not waits:
        checks["headers"] = ["nothing was found in them"]
    for name, problems in checks.items():
        print("\t".join(["FAIL", "contexts", name, "; ".join(problems)] if problems else ["PASS", "contexts", name]))
    sys.exit(1 if any(checks.values()) else 0)


if __name__ == "__main__":
    main()
