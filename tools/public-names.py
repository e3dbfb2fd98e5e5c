#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lists the names that a header declares, without three standard headers: kind and name, tab-separated, sorted.

Usage: public-names.py HEADER, in the repository's root; HEADER is vpt/queue.h, port/direct.h or another.
Kinds are macro, function, inline, variable, type and constant. Asks clang, so the header's layout does not matter.
"""
import json
import subprocess
import sys

STANDARD = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n"
COMMAND = ["clang", "-std=c11", "-ffreestanding", "-Iinclude", "-I.", "-x", "c", "-"]
KINDS = {
    "FunctionDecl": "function",
    "VarDecl": "variable",
    "TypedefDecl": "type",
    "RecordDecl": "type",
    "EnumDecl": "type",
    "EnumConstantDecl": "constant",
}


def clang(source, *options):
    return subprocess.run(COMMAND + list(options), input=source, stdout=subprocess.PIPE, check=True, text=True).stdout


def macros(source):
    for line in clang(source, "-E", "-dM").splitlines():
        yield "macro", line.split()[1].split("(")[0]


def declarations(node):
    for child in node.get("inner", []):
        if child["kind"] in KINDS and not child.get("isImplicit") and "name" in child:
            yield "inline" if child.get("inline") else KINDS[child["kind"]], child["name"]
        # Members and parameters cannot collide with other names; enum constants can.
        if child["kind"] in ("EnumDecl", "RecordDecl"):
            yield from (pair for pair in declarations(child) if pair[0] in ("constant", "type"))


def names(source):
    tree = json.loads(clang(source, "-fsyntax-only", "-Xclang", "-ast-dump=json"))
    return set(macros(source)) | set(declarations(tree))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for kind, name in sorted(names(STANDARD + f"#include <{sys.argv[1]}>\n") - names(STANDARD)):
        print(f"{kind}\t{name}")


if __name__ == "__main__":
    main()
