#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the layers of the library, docs/layers.svg, from the tables below.

Usage: tools/layers.py          writes the picture
       tools/layers.py --check  prints PASS if the picture in docs/ is the one that would be written, else FAIL
"""
import pathlib
import sys
from xml.sax.saxutils import escape

PICTURE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "layers.svg"

# Units of the grid, in pixels; a box lies between two columns, in one or more rows.
COLUMN, ROW, GAP, MARGIN = 64, 56, 18, 16
COLUMNS, ROWS = 12, 8

# Fill and border. The background is white, so that the picture is readable on any page.
COLOURS = {"kernel": ("#f3f3f3", "#6b6b6b"), "virtio": ("#dcebfb", "#2f6299"), "assign": ("#e2f3df", "#3f7d3a"),
           "shared": ("#fdf1d3", "#94701a")}

# Kind, first and last column, first and last row, title, path, purpose (one line each).
BOXES = [
    ("kernel", 0, 5.6, 0, 0, "Threads of the kernel", "", []),
    ("kernel", 5.8, 8.2, 0, 0, "Interrupt handler", "", []),
    ("kernel", 8.5, 12, 0, 0, "Hypervisor", "", []),
    ("virtio", 0, 5.6, 1, 1, "Drivers", "src/blk/, src/net/, src/gpu/, src/fs/ and others", [
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

# Column, the row that it leaves, the row that it reaches, text beside it.
ARROWS = [(2.8, 0, 1, ""), (2.8, 1, 2, ""), (2.8, 2, 3, ""), (2.8, 3, 4, ""), (7, 0, 4, "vpt_device_interrupt()"),
          (10.25, 0, 1, ""), (6.15, 4, 5, ""), (10.25, 4, 5, ""), (2, 4, 6, ""), (8, 5, 6, ""), (6, 6, 7, "")]


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
    x, start, end = x_of(column), top_of(leaves) + ROW + 2, top_of(reaches) - 2
    yield f'<path d="M{x} {start}V{end - 7}" stroke="#333" stroke-width="1.5" fill="none"/>'
    yield f'<path d="M{x - 4} {end - 8}h8l-4 8z" fill="#333"/>'
    if beside:
        middle = (start + end) / 2
        yield text(x + 14, middle, 12, beside, f' transform="rotate(90 {x + 14} {middle})"')


def picture():
    width, height = 2 * MARGIN + COLUMNS * COLUMN, 2 * MARGIN + ROWS * ROW + (ROWS - 1) * GAP
    parts = ["<!-- SPDX-License-Identifier: MIT -->",
             "<!-- Drawn by tools/layers.py: change its tables, not this file. -->",
             f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
             f'height="{height}" font-family="Helvetica, Arial, sans-serif" fill="#1c1c1c" role="img">',
             "<title>The layers of vpt: each box calls the ones that its arrows point to</title>",
             f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" fill="#fff" stroke="#b5b5b5"/>']
    for item in BOXES:
        parts.extend(box(*item))
    for item in ARROWS:
        parts.extend(arrow(*item))
    return "\n".join(parts + ["</svg>", ""])


def main():
    if sys.argv[1:] == ["--check"]:
        same = PICTURE.exists() and PICTURE.read_text() == picture()
        print("PASS\tlayers" if same else "FAIL\tlayers\tdocs/layers.svg is not what tools/layers.py draws: run it")
        return 0 if same else 1
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    PICTURE.write_text(picture())
    return 0


sys.exit(main())
