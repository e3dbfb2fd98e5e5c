#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looks at the screen of the example kernel, types, and moves the pointer.

kernel-screen.py --bus mmio|pci --ring split|packed --success STATUS DIRECTORY COMMAND...
    Runs COMMAND, which is QEMU with the kernel, and attaches a disk, an entropy source, a GPU, a keyboard, a tablet
    and a mouse. Draws from the kernel's log the picture that the kernel says it has drawn, and compares it pixel by
    pixel with QEMU's screen dumps: before and after keys and buttons were pressed. The chart in it must show what the
    kernel has measured. Events must arrive as they were sent; the cursor must be where they lead, by the kernel's log
    and by QEMU's trace; and QEMU must have flushed the parts that the kernel has changed. Leaves the picture as
    DIRECTORY/screen.png. Prints what was verified on one line; on a failure prints what is wrong and exits with 1.
"""

import os
import random
import re

from kernel_machine import Machine, Wrong, require, run

WIDTH, HEIGHT = 640, 400
LONGEST = 352  # bar
SUBMIT, POLL, MARK = "3fa7d6", "f2a541", "ee5c5c"
MARK_SIZE = 9
AXIS = 32767  # the tablet's
KEYS = {str(digit): 1 + (digit or 10) for digit in range(10)}
FONT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../examples/kernel/font.c")


class Picture:
    """What the kernel should have drawn: three bytes a pixel."""

    def __init__(self):
        self.rows = [bytearray(3 * WIDTH) for _ in range(HEIGHT)]
        with open(FONT, encoding="utf-8") as file:
            self.font = re.findall(r'^    "([ #]{96})",$', file.read(), re.MULTILINE)
        require(len(self.font) == 48, "the font has another size")

    def fill(self, x, y, width, height, color):
        right = min(x + width, WIDTH)
        for row in self.rows[y:y + height]:
            row[3 * x:3 * right] = bytes.fromhex(color.zfill(6)) * (right - x)

    def text(self, x, y, scale, color, text):
        for character in text:
            band, place = divmod(ord(character) - 32, 16)
            for row in range(8):
                for column in range(6):
                    if self.font[8 * band + row][6 * place + column] == "#":
                        self.fill(x + column * scale, y + row * scale, scale, scale, color)
            x += 6 * scale

    def draw(self, said):
        for word, *arguments in said:
            if word == "fill":
                self.fill(*map(int, arguments[:4]), arguments[4])
            elif word == "text":
                self.text(*map(int, arguments[:3]), arguments[3], " ".join(arguments[4:]))

    def compare(self, machine, path):
        """With a screen dump. Returns the number of pixels."""
        machine.execute("screendump", filename=path)
        with open(path, "rb") as file:
            header, found = file.read().split(b"\n255\n", 1)
        require(header.split() == [b"P6", b"%d" % WIDTH, b"%d" % HEIGHT], f"a screen dump of another size: {header}")
        wanted = b"".join(self.rows)
        if found != wanted:
            wrong = [i // 3 for i in range(len(wanted)) if found[i:i + 1] != wanted[i:i + 1]]
            raise Wrong(f"{len(set(wrong))} pixels are wrong, the first one at {divmod(wrong[0], WIDTH)[::-1]}")
        return WIDTH * HEIGHT


class User:
    """Types and points; knows what should come of it."""

    def __init__(self, machine):
        self.machine = machine
        self.x = self.y = 0
        self.events, self.cursors, self.drawn = [], [], []

    def send(self, *inputs):
        self.machine.execute("input-send-event", events=[{"type": kind, "data": data} for kind, data, _ in inputs])

    def report(self, *inputs):
        """Sends (QEMU's type, what it says, the event that the kernel must get) for each, and waits for all of them."""
        self.send(*inputs)
        self.events += [[kind, code, value & 0xffffffff] for _, _, (kind, code, value) in inputs] + [[0, 0, 0]]
        self.machine.wait("event", len(self.events))

    def axes(self, kind, number, x, y):
        self.cursors.append([self.x, self.y])
        self.report((kind, {"axis": "x", "value": x}, (number, 0, x)),
                    (kind, {"axis": "y", "value": y}, (number, 1, y)))

    def place(self, x, y):
        self.x, self.y = x * (WIDTH - 1) // AXIS, y * (HEIGHT - 1) // AXIS
        self.axes("abs", 3, x, y)

    def move(self, x, y):
        self.x, self.y = min(max(self.x + x, 0), WIDTH - 1), min(max(self.y + y, 0), HEIGHT - 1)
        self.axes("rel", 2, x, y)

    def click(self):
        self.drawn.append(["fill", str(min(self.x, WIDTH - MARK_SIZE)), str(min(self.y, HEIGHT - MARK_SIZE)),
                           str(MARK_SIZE), str(MARK_SIZE), MARK])
        for down in True, False:
            self.report(("btn", {"button": "left", "down": down}, (1, 0x110, down)))

    def type(self, digit):
        for down in True, False:
            self.report(("key", {"key": {"type": "qcode", "data": digit}, "down": down}, (1, KEYS[digit], down)))

    def end(self):
        self.send(("key", {"key": {"type": "qcode", "data": "ret"}, "down": True}, None))


def check_chart(machine):
    """The numbers and the bars of the chart."""
    costs = [measured[1:3] for measured in machine.numbers("measured")]
    most = max(map(sum, costs))
    for place, color in enumerate((SUBMIT, POLL)):
        bars = [int(width) for _, _, width, _, said in machine.all("fill") if said == color]
        require(bars == [cost[place] * LONGEST // most for cost in costs], f"bars of the chart: {bars}")
        texts = [int(text[0]) for _, _, _, said, *text in machine.all("text") if said == color and text[0].isdigit()]
        require(texts == [cost[place] for cost in costs], f"numbers in the chart: {texts}")
    return len(costs)


def use(machine, user):
    """Points, clicks and types. Returns what was typed."""
    digits = str(random.randrange(10**9, 10**10))
    for digit in digits:
        user.place(random.randrange(AXIS + 1), random.randrange(AXIS + 1))
        for _ in range(3):
            user.move(random.randrange(-90, 90), random.randrange(-90, 90))
        user.click()
        user.type(digit)
    return digits


def check_use(machine, user, digits):
    listens = machine.said.index(["listens"])
    drawn = [said for said in machine.said[listens:] if said[0] in ("fill", "text")]
    require([said for said in drawn if said[0] == "fill"] == user.drawn, "marks in other places")
    require("".join(said[-1] for said in drawn if said[0] == "text") == digits, f"typed {digits}, drawn {drawn}")
    require(machine.numbers("event") == user.events, f"events: {machine.all('event')}, not {user.events}")
    require(machine.numbers("cursor") == user.cursors, f"cursor: {machine.all('cursor')}, not {user.cursors}")


def check_traces(machine, user, traces):
    """QEMU's device has put the cursor where it should be, and flushed what the kernel has changed."""
    moves = [re.findall(r"[xy] (\d+)", text) for name, text in traces if name.endswith("cursor") and "move" in text]
    require([[int(x), int(y)] for x, y in moves] == user.cursors, f"QEMU's cursor: {moves}, not {user.cursors}")
    flushes = [re.findall(r"[whxy] (\d+)", text) for name, text in traces if name.endswith("flush")]
    said = [[width, height, x, y] for x, y, width, height in machine.all("flush")]
    require(flushes == said, f"QEMU has flushed {flushes}, not {said}")
    return len(flushes)


def check(arguments):
    disk = os.path.join(arguments.directory, "disk.img")
    with open(disk, "wb") as file:
        file.truncate(32771 * 512)
    devices = ["virtio-rng,rng=source", "virtio-blk,drive=disk", f"virtio-gpu,id=gpu,xres={WIDTH},yres={HEIGHT}",
               "virtio-keyboard", "virtio-tablet", "virtio-mouse"]
    options = ["-drive", f"if=none,id=disk,format=raw,file={disk}", "-object", "rng-builtin,id=source",
               "-trace", "virtio_gpu_update_cursor", "-trace", "virtio_gpu_cmd_res_flush"]
    dump, picture = os.path.join(arguments.directory, "screen.ppm"), Picture()
    with Machine(arguments, devices, options) as machine:
        machine.wait("listens")
        picture.draw(machine.said)
        pixels = picture.compare(machine, dump)
        bars = check_chart(machine)
        before, user = len(machine.said), User(machine)
        digits = use(machine, user)
        picture.draw(machine.said[before:])
        pixels += picture.compare(machine, dump)
        machine.execute("screendump", filename=os.path.join(arguments.directory, "screen.png"), format="png")
        check_use(machine, user, digits)
        user.end()
        traces = machine.end()
        flushes = check_traces(machine, user, traces)
        [[_, _, pages]], [[sleeps]] = machine.numbers("picture"), machine.numbers("slept")
        require(sleeps >= flushes, f"{sleeps} sleeps for {flushes} flushes")
    return (f"{arguments.ring} rings, {pixels} pixels of two screen dumps as drawn, from {pages} scattered pages, "
            f"a chart with {bars} bars, {len(user.events)} events as sent, {len(user.cursors)} places of the cursor, "
            f"also by QEMU's trace, {flushes} parts shown, each after a sleep of the CPU")


if __name__ == "__main__":
    run(__doc__, check)
