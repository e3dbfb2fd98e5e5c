#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the example hypervisor has done for its guests, beside what they say themselves.

hypervisor.py tables HYPERVISOR-LOG GUEST=LOG...
    For each guest, which runs the example kernel, prints a line for each function, each BAR and each summary of a
    driver: what the kernel's log says of it, and what the hypervisor's log says. Ids and BARs must be the same in both,
    and the hypervisor must have delivered at least the interrupts that the disk's driver has counted.
hypervisor.py costs HYPERVISOR-LOG
    Prints what exits cost, in instructions, and compares the library's share with its limits.

The last line is what was verified; on a failure it says what is wrong, and the exit status is 1.
"""

import re
import sys

# How many instructions of the library an exit may take, at the mean of a run of two example kernels.
LIMITS = {
    "configuration read": 160,
    "configuration write": 800,
    "trapped register of a BAR, read": 560,
    "trapped register of a BAR, write": 570,
    "handling of a message to a guest": 220,
    "handling of a line": 400,
}

VIRTIO, DISK = 0x1af4, 0x1042
# How the kernel's summary of another driver begins, by the device ids.
SUMMARIES = {0x1041: "network card: ", 0x1043: "console: ", 0x1044: "entropy source: ", 0x1052: "keyboard: "}


class Wrong(Exception):
    """A log is not as it must be."""


def require(condition, message):
    if not condition:
        raise Wrong(message)


def lines_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def hypervisor_functions(lines, guest):
    """Returns what the hypervisor says of a guest's functions: a list of numbers, and a list of regions, by place."""
    functions = {}
    for word, name, *fields in (line.split("\t") for line in lines if line.startswith(("function\t", "region\t"))):
        if name != guest:
            continue
        if word == "function":
            functions[fields[0]] = ([int(field, 0) for field in fields[1:]], [])
        else:
            functions[fields[0]][1].append([int(field, 0) for field in fields[1:5]] + fields[5:])
    return functions


def kernel_functions(lines):
    """Returns what the kernel says of its functions: ids, a title, and a dictionary of BARs, by place."""
    functions, place = {}, None
    for line in lines:
        found = re.match(r"(\w+:\w+\.\w): vendor (\w+), device (\w+), ", line)
        if found:
            place = found[1]
            functions[place] = [int(found[2], 0), int(found[3], 0), "", {}]
        found = re.match(r"  BAR (\d): .*?(\w+) bytes at (\w+)", line)
        if found and place:
            functions[place][3][int(found[1])] = (int(found[3], 0), int(found[2], 0))
        found = re.match(r"pci \S+: (.*)", line)
        if found and place:
            functions[place][2] = found[1]
            place = None
    return functions


def same_bars(place, bars, regions):
    """Yields a row for each BAR. The pieces of a BAR lie one behind the other."""
    pieces = {}
    for bar, address, machine, size, *kind in sorted(regions):
        pieces.setdefault(bar, []).append((address, machine, size, kind))
    require(set(pieces) == set(bars), f"{place}: BARs {sorted(bars)} in the guest, {sorted(pieces)} in the hypervisor")
    for bar, (address, size) in sorted(bars.items()):
        end = address
        for first, machine, length, (space, how) in pieces[bar]:
            require(first == end, f"{place}: BAR {bar} is not at {address:#x} in the hypervisor")
            end += length
            yield f"  BAR {bar}", f"{size:#x} bytes at {address:#x}", f"{how}, {space} of the machine at {machine:#x}"
        require(end == address + size, f"{place}: BAR {bar} has another size in the hypervisor")


def disk_interrupts(lines, mode):
    """Returns how many interrupts for its queue the disk's driver has counted."""
    return sum(int(line.split()[4]) for line in lines if line.startswith(f"@interrupts {mode} "))


def summary(lines, device):
    """Returns what the kernel's log says of a driver's work, or nothing if it has none for the device."""
    if device == DISK:
        messages, line = (disk_interrupts(lines, mode) for mode in ("messages", "line"))
        return f"{messages} interrupts by messages, {line} on a line"
    start = SUMMARIES.get(device)
    return next((line[len(start):] for line in lines if start and line.startswith(start)), "")


def rows(log, guest, kernel):
    """Yields the rows of a guest's table, and checks them."""
    theirs, ours = kernel_functions(kernel), hypervisor_functions(log, guest)
    require(theirs and set(theirs) == set(ours),
            f"guest {guest} has found {sorted(theirs)}, the hypervisor has given it {sorted(ours)}")
    for place, (vendor, device, title, bars) in sorted(theirs.items()):
        (given_vendor, given_device, bus, messages, lines, resets), regions = ours[place]
        require((vendor, device) == (given_vendor, given_device), f"{place}: the guest reads other ids")
        yield place, title or f"{vendor:04x}:{device:04x}", f"on bus {bus}" if bus else "emulated"
        yield from same_bars(place, bars, regions)
        if vendor == VIRTIO:
            yield "  driver", summary(kernel, device), f"messages {messages}, on the line {lines}, resets {resets}"
        require(device != DISK or all(0 < disk_interrupts(kernel, mode) <= given
                                      for mode, given in (("messages", messages), ("line", lines))),
                f"{place}: the hypervisor has delivered {messages} messages, and {lines} interrupts on the line")


def tables(log, guests):
    count = 0
    for guest, path in (argument.split("=", 1) for argument in guests):
        for name, theirs, ours in [(f"guest {guest}", "the guest says", "the hypervisor has"),
                                   *rows(log, guest, lines_of(path))]:
            print(f"table\t{name:9} | {theirs:76} | {ours}".rstrip())
        count += sum(len(regions) for _, regions in hypervisor_functions(log, guest).values())
    return f"{count} pieces of BARs are where the guests' kernels have found them"


def costs(log):
    found = {fields[1]: fields for fields in (line.split("\t") for line in log) if fields[0] == "cost"}
    for fields in found.values():
        print("\t".join(fields))
    for what, limit in LIMITS.items():
        require(what in found, f"nothing was measured: {what}")
        share = int(found[what][6])
        require(0 < share <= limit, f"{what}: {share} instructions of the library, at most {limit} are allowed")
    return "instructions of the library at the mean: " + "; ".join(f"{what}, {found[what][6]}" for what in LIMITS)


def main():
    try:
        command, path, *guests = sys.argv[1:]
        print({"tables": tables, "costs": lambda log, _: costs(log)}[command](lines_of(path), guests))
    except (KeyError, IndexError, ValueError, OSError, Wrong) as wrong:
        print(wrong)
        sys.exit(1)


main()
