#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the tables of docs/contexts.md from the comments of the public headers, or checks them.

Usage: contexts.py [--check [PAGE [INCLUDE]]], in the repository's root; the defaults are docs/contexts.md and include.

The comment of a public function says what the function does, then has a list of statuses below a line "Returns" (a
function that returns something else says "Returns ..." in a sentence), and ends with one line for the table:

    Context: any; lock: queue; waits: request; calls: registers, log.

A function of the port, or a function type, has "locks held" and "called by" in that line in place of the other three.
docs/contexts.md explains the words. --check prints one line for each check, fields tab-separated: PASS or FAIL,
"contexts", the check, what is wrong; it exits non-zero on any failure. It also compares the lines: a call that is
allowed in an interrupt handler must wait for nothing and make only callbacks that are allowed there. The same rule
applies to a panic.
"""
import glob
import os
import re
import sys

HEADERS = ("status.h", "features.h", "mmio.h", "virtio_pci.h", "transport.h", "queue.h", "request.h", "entropy.h",
           "console.h", "input.h", "blk.h", "net.h", "balloon.h", "scsi.h", "9p.h", "gpu.h", "rtc.h", "sound.h",
           "pmem.h", "socket.h", "fs.h", "pci.h", "assign.h", "assign_remap.h", "assign_dma.h", "assign_snapshot.h")
CONTEXTS = ("init", "thread", "interrupt", "panic")
GROUPS = {
    "registers": ("mmio_read", "mmio_write", "io_read", "io_write"),
    "configuration": ("config_read", "config_write"),
}
LOCKS = {"none", "queue", "device", "queues", "queue, reset", "queue, device", "device, flush", "registry",
         "device, registry", "array", "device, array", "space", "device, space"}
HANDED_OVER = ("dma_allocate", "dma_free")
NOTHING = "–"

FUNCTION = re.compile(r"^(?P<type>[\w *]*?)\b(?P<name>vpt_\w+)\(")
MEMBER = re.compile(r"^    (?P<type>\w[\w *]*?)\(\*(?P<name>\w+)\)\(")
STATUS_LINE = re.compile(r"(?P<status>VPT_[A-Z0-9_]+)(: \S.*\.)?|(what|why|an error|each) .*\.")


class Declaration:
    """A function, a callback of the port or a function type, and the comment above it."""

    def __init__(self, header, match, comment, is_callback):
        self.header = header
        self.name = match["name"]
        self.type = match["type"].replace("static inline", "").replace("typedef", "").strip()
        self.comment = comment
        self.is_callback = is_callback
        self.parts = {}
        self.statuses = []
        self.problems = [] if comment else ["it has no comment"]
        if comment:
            self.parse_context()
            self.check_returns()

    def parse_context(self):
        """Splits the line "Context" into its parts; `where` has an entry for each of the four contexts."""
        found = re.search(r"^Context: (.*?)(\n\n|\Z)", self.comment, re.MULTILINE | re.DOTALL)
        line = found[1].replace("\n", " ") if found else ""
        if not line.endswith("."):
            self.problems.append("it has no line \"Context: ... .\"")
            return
        first, *others = line[:-1].split("; ")
        self.parts = dict(part.split(": ", 1) if ": " in part else (part, "") for part in others)
        words = {"any": list(CONTEXTS)}.get(first, first.split(", "))
        self.where = {context: "yes" if context in words else "no" for context in CONTEXTS}
        if "panic (handed over)" in words:
            self.where["panic"] = "handed over"
            words[words.index("panic (handed over)")] = "panic"
        self.problems += [f"no context is called \"{word}\"" for word in words if word not in CONTEXTS]
        needed = {"locks held", "called by"} if self.is_callback else {"lock"}
        allowed = needed if self.is_callback else needed | {"waits", "calls"}
        self.problems += [f"the context has no \"{part}\"" for part in sorted(needed - set(self.parts))]
        self.problems += [f"the context has a \"{part}\"" for part in sorted(set(self.parts) - allowed)]

    def check_returns(self):
        if self.type == "void":
            return
        found = re.search(r"^Returns\n(.*?)(\n\n|\Z)", self.comment, re.MULTILINE | re.DOTALL)
        if self.type != "enum vpt_status":
            if found or not re.search(r"\bReturns\s", self.comment):
                self.problems.append("no sentence says what it \"Returns\"")
            return
        if not found:
            self.problems.append("it has no list \"Returns\"")
            return
        for line in re.sub(r"\n    +", " ", found[1]).split("\n"):
            match = STATUS_LINE.fullmatch(line)
            if not match:
                self.problems.append(f"\"{line}\" is no line of a list of statuses")
            elif match["status"]:
                self.statuses.append(match["status"])

    def list(self, part):
        return self.parts[part].split(", ") if part in self.parts else []

    def row(self):
        columns = ("locks held", "called by") if self.is_callback else ("lock", "waits", "calls")
        cells = [f"`{self.name}`", *self.where.values(), *(self.parts.get(column, NOTHING) for column in columns)]
        return "| " + " | ".join(cells) + " |"

    def check(self, callbacks, statuses, waits):
        """Finds unknown words, and parts that contradict each other. `callbacks`: those of the port, by name."""
        self.problems += [f"no status is called {status}" for status in self.statuses if status not in statuses]
        if self.is_callback:
            return
        if self.parts["lock"] not in LOCKS:
            self.problems.append(f"no lock is called \"{self.parts['lock']}\"")
        self.problems += [f"nothing is waited for that is called \"{wait}\"" for wait in self.list("waits")
                          if wait not in waits]
        made = [one for name in self.list("calls") for one in GROUPS.get(name, (name,))]
        made += ["keep_waiting"] if "waits" in self.parts else []
        self.problems += [f"no callback is called \"{name}\"" for name in made if name not in callbacks]
        for context, allowed in self.where.items():
            for name in made:
                excused = allowed == "handed over" and name in HANDED_OVER
                if allowed != "no" and not excused and name in callbacks and callbacks[name].where[context] != "yes":
                    self.problems.append(f"{name} is not allowed in the context {context}")


def read_header(path):
    """The declarations of a header. A comment belongs to all declarations up to the next empty line."""
    header = os.path.basename(path)
    declarations, comment, in_comment, in_port = [], None, False, False
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            text = line.strip()
            if text.startswith("/*"):
                comment, in_comment = [], True
            if in_comment:
                comment.append(re.sub(r"^(/\*| \*/| \*|\*/|\*) ?", "", text).removesuffix("*/").rstrip())
                in_comment = not text.endswith("*/")
                continue
            in_port = (in_port or line.startswith("struct vpt_port {")) and not line.startswith("}")
            match = MEMBER.match(line) if in_port else FUNCTION.match(line)
            if match:
                declarations.append(Declaration(header, match, "\n".join(comment or ()).strip(),
                                                in_port or match["type"].startswith("typedef")))
            comment = comment if text else None
    return declarations


def constants(path, pattern):
    with open(path, encoding="utf-8") as file:
        return set(re.findall(pattern, file.read(), re.MULTILINE))


def tables(calls, callbacks):
    """The texts of the two tables, by name."""
    lines = ["| call | init | thread | interrupt | panic | lock | waits | callbacks |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for header in HEADERS:
        lines.append(f"| **{header}** | | | | | | | |")
        lines += [call.row() for call in calls if call.header == header]
    others = ["| callback | init | thread | interrupt | panic | locks held | called by |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    return {"calls": lines, "callbacks": others + [callback.row() for callback in callbacks]}


def generated(page, new):
    """The page with its tables replaced by those in `new`."""
    for name, lines in new.items():
        begin, end = f"<!-- {name}: written by tools/contexts.py -->\n", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        after = rest.partition(end)
        if not found or not after[1]:
            sys.exit(f"contexts.py: the page has no table between \"{begin.strip()}\" and \"{end}\"")
        page = before + begin + "\n" + "\n".join(lines) + "\n\n" + end + after[2]
    return page


def problems_of(declarations):
    return [f"{one.name}: {problem}" for one in declarations for problem in one.problems]


def main():
    arguments = sys.argv[1:]
    is_check = arguments[:1] == ["--check"]
    if len(arguments) > 3 or (arguments and not is_check):
        sys.exit(__doc__)
    path = arguments[1] if len(arguments) > 1 else "docs/contexts.md"
    include = os.path.join(arguments[2] if len(arguments) > 2 else "include", "vpt")
    statuses = constants(os.path.join(include, "status.h"), r"^    (VPT_\w+) = ")
    waits = {name.lower() for name in constants(os.path.join(include, "port.h"), r"^    VPT_WAIT_(\w+) = ")}
    declarations = [one for header in sorted(glob.glob(os.path.join(include, "*.h"))) for one in read_header(header)]
    callbacks = sorted((one for one in declarations if one.is_callback), key=lambda one: one.header != "port.h")
    calls = [one for one in declarations if not one.is_callback]
    by_name = {one.name: one for one in callbacks}
    checks = {"comments of callbacks": problems_of(callbacks), "comments of functions": problems_of(calls)}
    checks["headers"] = [f"{one.header} is not listed" for one in calls if one.header not in HEADERS]
    if not calls or not callbacks or not statuses or not waits:
        checks["headers"].append("nothing was found in them")
    if not any(checks.values()):
        for one in declarations:
            one.check(by_name, statuses, waits)
        checks["words"] = problems_of(declarations)
        with open(path, encoding="utf-8") as file:
            page = file.read()
        new = generated(page, tables(calls, callbacks))
        if is_check:
            stale = new != page
            checks["page"] = [f"{path} is not what tools/contexts.py writes: run it"] if stale else []
        elif not any(checks.values()):
            with open(path, "w", encoding="utf-8") as file:
                file.write(new)
    for name, problems in checks.items():
        if is_check or problems:
            print("\t".join(["FAIL", "contexts", name, "; ".join(problems)] if problems else
                            ["PASS", "contexts", name]))
    sys.exit(1 if any(checks.values()) else 0)


if __name__ == "__main__":
    main()
