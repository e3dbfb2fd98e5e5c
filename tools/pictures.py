#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the pictures of boxes and arrows in docs/ from the tables below.

Usage: tools/pictures.py          writes the pictures
       tools/pictures.py --check  prints PASS for each picture in docs/ that is the one that would be written, else FAIL
"""
import pathlib
import sys
from xml.sax.saxutils import escape

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"

# Units of the grid, in pixels; a box lies between two columns, in one or more rows.
COLUMN, ROW, GAP, MARGIN = 64, 56, 18, 16
COLUMNS = 12

# Fill and border. The background is white, so that the picture is readable on any page.
COLOURS = {"kernel": ("#f3f3f3", "#6b6b6b"), "virtio": ("#dcebfb", "#2f6299"), "assign": ("#e2f3df", "#3f7d3a"),
           "shared": ("#fdf1d3", "#94701a")}

# Of boxes: kind, first and last column, first and last row, title, path, purpose (one line each).
# Of arrows: column, the row that it leaves, the row that it reaches, text beside it.
LAYERS = [
    ("kernel", 0, 5.6, 0, 0, "Threads of the kernel", "", []),
    ("kernel", 5.8, 8.2, 0, 0, "Interrupt handler", "", []),
    ("kernel", 8.5, 12, 0, 0, "Hypervisor", "", []),
    ("virtio", 0, 5.6, 1, 1, "Drivers", "src/blk/, src/net/ and others", [
        "what a request looks like, what a reply means"]),
    ("virtio", 0, 5.6, 2, 2, "Requests", "src/request/", ["bring-up and restart; slots; waiting; sharing"]),
    ("virtio", 0, 5.6, 3, 3, "Queue", "src/queue/", [
        "split and packed virtqueues; their state is out of the device's reach"]),
    ("virtio", 0, 8.2, 4, 4, "Transport", "src/transport/", ["MMIO, version 1 and 2; PCI, legacy and modern"]),
    ("assign", 8.5, 12, 1, 4, "Assignment", "src/assign/", [
        "a PCI function for a guest:", "configuration space, BARs,", "interrupts, resets, DMA,", "owners, snapshots",
        "", "the library decides,", "the hypervisor's hooks", "carry it out"]),
    ("shared", 4.1, 12, 5, 5, "PCI", "src/pci/", ["configuration space; optional: enumeration, BARs, MSI-X"]),
    ("shared", 0, 12, 6, 6, "Port", "include/vpt/port.h, port/",
     ["at most 14 functions: memory for devices, registers, PCI configuration, sharing, waiting, log"]),
    ("kernel", 0, 12, 7, 7, "The kernel's own memory, registers and clock", "", []),
]

CALLS = [(2.8, 0, 1, ""), (2.8, 1, 2, ""), (2.8, 2, 3, ""), (2.8, 3, 4, ""), (7, 0, 4, "vpt_device_interrupt()"),
         (10.25, 0, 1, ""), (6.15, 4, 5, ""), (10.25, 4, 5, ""), (2, 4, 6, ""), (8, 5, 6, ""), (6, 6, 7, "")]

HOLDERS = [
    ("kernel", 0, 5.9, 0, 0, "Guest A", "examples/kernel/", ["drivers of vpt: rings, buffers, messages of its own"]),
    ("kernel", 6.1, 12, 0, 0, "Guest B", "examples/kernel/, or hostile/", ["the same, at the same addresses"]),
    ("shared", 0.9, 5.9, 1, 1, "Guest A's machine", "guest*.c, virtual_*.c, nested.c", [
        "CPU, nested page table, PICs, APIC; bus 0"]),
    ("shared", 6.1, 11.1, 1, 1, "Guest B's machine", "the same files", ["the same; neither guest knows of the other"]),
    ("assign", 0.9, 11.1, 2, 3, "vpt", "src/assign/", [
        "for each function: its owner; registers as the guest sees them; which BARs are live, and where;",
        "MSI-X table, masks, what is pending; the host's registers as they were at the open",
        "for each guest: the memory that its functions reach (DMA space)",
        "for the machine: the function at each address (registry) and of each vector (remap array)"]),
    ("shared", 0.9, 5.9, 4, 4, "Functions and vectors", "host*.c, chips.c", [
        "the machine's vectors; who waits for a reset"]),
    ("shared", 6.1, 11.1, 4, 4, "IOMMU", "examples/assign/iommu.c", ["a table of pages for each function"]),
    ("kernel", 0, 12, 5, 5, "The machine", "", [
        "virtio functions, each with BARs, a real MSI-X table and a line of the I/O APIC; the CPU with SVM"]),
]

WAYS = [(0.45, 0, 5, "mapped BARs: no exit"), (11.55, 5, 0, "DMA by the IOMMU"), (2.4, 0, 1, ""), (2.4, 1, 2, ""),
        (2.4, 3, 4, ""), (2.4, 4, 5, ""), (4.4, 5, 4, ""), (4.4, 4, 3, ""), (4.4, 2, 1, ""), (4.4, 1, 0, ""),
        (7.6, 0, 1, ""), (7.6, 1, 2, ""), (8.6, 3, 4, ""), (8.6, 4, 5, ""), (9.6, 2, 1, ""), (9.6, 1, 0, "")]

# File, title, rows, boxes, arrows.
PICTURES = [
    ("layers.svg", "The layers of vpt: each box calls the ones that its arrows point to", 8, LAYERS, CALLS),
    ("hypervisor.svg", "Who holds what in the example hypervisor: arrows down are accesses of guests and what they "
     "cause, arrows up are interrupts", 6, HOLDERS, WAYS),
]


def x_of(column):
    return round(MARGIN + column * COLUMN, 1)


def top_of(row):
    return MARGIN + row * (ROW + GAP)


def text(x, y, size, content, style=""):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="middle"{style}>{escape(content)}</text>'


def box(kind, first, last, top, bottom, title, place, lines):
    fill, border = COLOURS[kind]
    x, y = x_of(first), top_of(top)
    width, height = round(x_of(last) - x, 1), top_of(bottom) + ROW - y
    dashes = ' stroke-dasharray="5 4"' if kind == "kernel" else ""
    yield (f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="{border}" '
           f'stroke-width="1.5"{dashes}/>')
    rows = [(14, title, ' font-weight="bold"')] + ([(12, place, ' fill="#4a4a4a"')] if place else [])
    rows += [(13, line, "") for line in lines]
    first_line = y + height / 2 - (len(rows) - 1) * 8.5 + 5
    for number, (size, content, style) in enumerate(rows):
        if content:
            yield text(round(x + width / 2, 1), round(first_line + 17 * number, 1), size, content, style)


def arrow(column, leaves, reaches, beside):
    down = 1 if reaches > leaves else -1
    start, end = (top_of(row) + (ROW + 2 if row == min(leaves, reaches) else -2) for row in (leaves, reaches))
    x = x_of(column)
    yield f'<path d="M{x} {start}V{end - 7 * down}" stroke="#333" stroke-width="1.5" fill="none"/>'
    yield f'<path d="M{x - 4} {end - 8 * down}h8l-4 {8 * down}z" fill="#333"/>'
    if beside:
        middle = (start + end) / 2
        yield text(x + 14, middle, 12, beside, f' transform="rotate(90 {x + 14} {middle})"')


def picture(title, rows, boxes, arrows):
    width, height = 2 * MARGIN + COLUMNS * COLUMN, 2 * MARGIN + rows * ROW + (rows - 1) * GAP
    parts = ["<!-- SPDX-License-Identifier: MIT -->",
             "<!-- Drawn by tools/pictures.py: change its tables, not this file. -->",
             f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
             f'height="{height}" font-family="Helvetica, Arial, sans-serif" fill="#1c1c1c" role="img">',
             f"<title>{escape(title)}</title>",
             f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="#fff" stroke="#b5b5b5"/>']
    for item in boxes:
        parts.extend(box(*item))
    for item in arrows:
        parts.extend(arrow(*item))
    return "\n".join(parts + ["</svg>", ""])


def main():
    check = sys.argv[1:] == ["--check"]
    failed = 0
    if sys.argv[1:] and not check:
        print(__doc__, file=sys.stderr)
        return 2
    for name, *tables in PICTURES:
        file = DOCS / name
        if not check:
            file.write_text(picture(*tables))
        elif file.exists() and file.read_text() == picture(*tables):
            print(f"PASS\tpictures\t{name}")
        else:
            print(f"FAIL\tpictures\tdocs/{name} is not what tools/pictures.py draws: run it")
            failed = 1
    return failed


sys.exit(main())
