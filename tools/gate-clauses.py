#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that docs/clauses.tsv has all VirtIO clauses that include/, src/, tests/ and docs/ name.

A comment names a clause by its id (SPLIT-USED-1). The name of a test begins with the ids that it shows, with
underscores (SPLIT_USED_1_..., or BLK_OP_9_10_11_... for three clauses). Prints a line for each problem, and PASS or
FAIL at the end, with tabs between the fields. Exits with 1 if there is a problem.
"""
import pathlib
import re
import subprocess
import sys

TABLE = pathlib.Path("docs/clauses.tsv")
COLUMNS = ["id", "section", "level", "text"]
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "REQUIRED", "RECOMMENDED", "OPTIONAL", "-"}
IN_COMMENT = re.compile(r"(?<![\w-])[A-Z][A-Z0-9]*(?:-[A-Z0-9]*[A-Z][A-Z0-9]*)*-\d+(?![\w-])")
IN_NAME = re.compile(r"\b[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*\d+_[a-z]\w*")


def ids_of_name(name):
    """SPLIT_USUPP_2_SPLIT_USUPP_3_... and BLK_OP_9_10_... are two clauses each."""
    words, ids, after_number = [], [], False
    for word in name.split("_"):
        if word.isdigit():
            ids.append("-".join(words + [word]))
            after_number = True
        elif word.isupper():
            words = [word] if after_number else words + [word]
            after_number = False
        else:
            break
    return ids


def read_table(problems):
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    rows = [line.split("\t") for line in lines]
    if not rows or rows[0] != COLUMNS:
        sys.exit(f"FAIL\tclauses\t{TABLE}: the first line must name the columns {', '.join(COLUMNS)}")
    for row in rows[1:]:
        if len(row) != len(COLUMNS) or not all(row) or row[2] not in LEVELS:
            problems.append(f"{TABLE}: not a row: {' | '.join(row)}")
    ids = [row[0] for row in rows[1:]]
    problems.extend(f"{TABLE}: {clause} appears twice" for clause in sorted({i for i in ids if ids.count(i) > 1}))
    return set(ids)


def main():
    problems = []
    known = read_table(problems)
    command = ["git", "ls-files", "-z", "include", "src", "tests", "docs", ":!*.png"]
    files = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split("\0")
    named = set()
    for file in [pathlib.Path(file) for file in files if file]:
        if file == TABLE or not file.exists():
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            ids = IN_COMMENT.findall(line) + [i for name in IN_NAME.findall(line) for i in ids_of_name(name)]
            problems.extend(f"{file}:{number}: {clause} is not in {TABLE}" for clause in ids if clause not in known)
            named.update(ids)
    for problem in problems:
        print(f"FAIL\tclauses\t{problem}")
    print(f"{'FAIL' if problems else 'PASS'}\tclauses\t{len(named)} named, {len(known)} in the table")
    return 1 if problems or not named else 0


sys.exit(main())
