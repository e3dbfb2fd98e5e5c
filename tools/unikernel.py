#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the unikernel's store from outside.

unikernel.py command x86_64|riscv64 DIRECTORY
    Prints the command that boots DIRECTORY/unikernel.elf, one word a line. The caller adds a serial port and a block
    device "disk".
unikernel.py check x86_64|riscv64 DIRECTORY [--kills N] [--seed N]
    Boots it, sends changes without waiting for their answers, kills QEMU during them, and boots again, N times. QEMU
    logs every write and flush in order. From this log comes a disk that a volatile cache could have left: all writes
    before the last flush, and any of the later ones. The next boot gets this disk. The store must then hold all
    changes that were answered with "ok", and the first few, or none, of the others. Prints what was verified on one
    line; on a failure prints what is wrong and exits with 1.
"""

import argparse
import itertools
import os
import random
import select
import struct
import subprocess
import sys
import time

SECTOR = 512
MEMORY = "64M"
SECONDS = 6 * int(os.environ.get("VPT_PATIENCE", 10))  # limit for one answer; see tools/limit.sh
KEYS = 12
BATCH = 60  # changes sent at once
SIZES = (0, 1, 40, 300, 800, 1400)  # approximate sizes of values

KEY_MAX = 64
VALUE_MAX = 2000

LOG_MAGIC = 0x6A736677736872  # magic number of Linux's dm-log-writes
LOG_FLUSH, LOG_FUA, LOG_DISCARD = 1, 2, 4

MACHINES = {
    # Sectors of an area: fits all keys with their longest values, several times if records have one sector.
    "x86_64": {
        "qemu": ["qemu-system-x86_64", "-M", "microvm,isa-serial=on,auto-kernel-cmdline=off,x-option-roms=off",
                 "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-global", "virtio-mmio.force-legacy=off"],
        "device": "virtio-blk-device,drive=disk", "success": 33, "unit": 1, "area": 60,
        "name": "virtio-mmio 2",
    },
    "riscv64": {
        "qemu": ["qemu-system-riscv64", "-M", "virt", "-bios", "none", "-global", "virtio-mmio.force-legacy=on"],
        "device": "virtio-blk-device,drive=disk,physical_block_size=4096", "success": 0, "unit": 8, "area": 160,
        "name": "virtio-mmio 1, blocks of 4 KiB",
    },
}


class Wrong(Exception):
    """The unikernel has failed."""


def require(condition, message):
    if not condition:
        raise Wrong(message)


def command(machine, directory):
    return machine["qemu"] + ["-kernel", os.path.join(directory, "unikernel.elf"), "-m", MEMORY, "-nodefaults",
                              "-display", "none", "-monitor", "none", "-no-reboot", "-device", machine["device"]]


class Session:
    """One boot."""

    def __init__(self, machine, directory, image, log=None):
        if log is None:
            nodes = ["-blockdev", f"driver=file,filename={image},node-name=disk"]
        else:
            with open(log, "wb"):
                pass
            nodes = ["-blockdev", f"driver=file,filename={image},node-name=image",
                     "-blockdev", f"driver=file,filename={log},node-name=log",
                     "-blockdev", "driver=blklogwrites,file=image,log=log,log-sector-size=512,"
                     "log-super-update-interval=1,node-name=disk"]
        self.process = subprocess.Popen(
            command(machine, directory) + ["-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial"]
            + nodes, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.buffer = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def send(self, data):
        self.process.stdin.write(data.encode("latin-1"))

    def line(self):
        """The next line, or None at the end."""
        end = time.monotonic() + SECONDS
        while b"\n" not in self.buffer:
            if self.ended:
                return None
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            require(readable, f"ran out of time (limit {SECONDS} s): no answer")
            data = os.read(self.process.stdout.fileno(), 65536)
            self.ended = not data
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode("latin-1")

    def ask(self, text):
        self.send(text + "\n")
        return self.line()

    def ready(self):
        line = self.line()
        require(line is not None and line.startswith("ready "), f"not ready: {line}")
        return fields(line)

    def off(self, machine):
        require(self.ask("off") == "ok", "\"off\" has failed")
        try:
            status = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise Wrong(f"ran out of time (limit {SECONDS} s): \"off\" does not end it") from None
        require(status == machine["success"], f"\"off\" ends with status {status}")

    def contents(self):
        answer = self.ask("list").split(" ")
        require(answer[0] == "ok" and int(answer[1]) == len(answer) - 2, f"list: {answer}")
        self.send("".join(f"get {key}\n" for key in answer[2:]))
        found = {}
        for key in answer[2:]:
            line = self.line()
            require(line is not None and line.startswith("ok "), f"get {key}: {line}")
            found[key] = line[3:]
        return found

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            times = file.read().rsplit(")", 1)[1].split()[11:13]
        return sum(int(one) for one in times) / os.sysconf("SC_CLK_TCK")


def fields(line):
    return dict(word.split("=") for word in line.split(" ")[1:])


# ---- Loss of power ----

def read_log(path):
    """Writes, as (sector, data), and flushes, as None, in order."""
    with open(path, "rb") as file:
        log = file.read()
    if len(log) < SECTOR:
        return []
    magic, _, _, size = struct.unpack_from("<QQQI", log)
    require(magic == LOG_MAGIC and size == SECTOR, "not a log of writes")
    events, at = [], SECTOR
    while at + SECTOR <= len(log):
        sector, sectors, flags, _ = struct.unpack_from("<QQQQ", log, at)
        data = log[at + SECTOR:at + (1 + sectors) * SECTOR]
        if (sectors == 0 and flags == 0) or len(data) < sectors * SECTOR:
            break  # QEMU was killed here
        require(flags & ~(LOG_FLUSH | LOG_FUA) == 0, f"an entry of the log with flags {flags}")
        if flags & LOG_FLUSH:
            events.append(None)
        if sectors:
            events.append((sector, data))
        at += (1 + sectors) * SECTOR
    return events


def lose_power(image, events, way, dice, unit):
    """Makes the image after a loss of power, in one of several ways. Returns the number of unflushed writes."""
    last = max((i for i, event in enumerate(events) if event is None), default=-1)
    for event in events[:last + 1]:
        if event is not None:
            write(image, *event)
    pending = [(sector + i, data[i * SECTOR:(i + 1) * SECTOR]) for sector, data in events[last + 1:]
               for i in range(len(data) // SECTOR)]
    for number, (sector, data) in enumerate(pending):
        if way == "mixed" and number == len(pending) - 1:
            write(image, sector // unit * unit, dice.randbytes(unit * SECTOR))
        elif way != "nothing" and dice.random() < 0.5:
            write(image, sector, data)
    return len(events) - 1 - last


def write(image, sector, data):
    image[sector * SECTOR:sector * SECTOR + len(data)] = data


# ---- Changes to the store ----

def change(dice, state):
    """Makes a command, and applies it to `state`."""
    key = f"key-{dice.randrange(KEYS)}"
    if key in state and dice.random() < 0.15:
        del state[key]
        return f"delete {key}\n"
    size = dice.choice(SIZES)
    size = dice.randint(size // 2, size)
    state[key] = "".join(chr(dice.randint(32, 126)) for _ in range(size))
    return f"put {key} {state[key]}\n"


class Counts:
    def __init__(self):
        self.kills = self.answered = self.unanswered = self.exposed = self.torn = 0


def batch(session, dice, state, counts):
    """Sends changes, kills QEMU during them. Returns the states that the store may have."""
    after, commands, states = dict(state), [], []
    for _ in range(BATCH):
        commands.append(change(dice, after))
        states.append(dict(after))
    session.send("".join(commands))
    for _ in range(wait := dice.randrange(BATCH * 2 // 3)):
        require((line := session.line()) == "ok", f"a change is answered with: {line}")
    time.sleep(dice.random() * 0.004)
    session.kill()
    answered = wait
    while (line := session.line()) is not None:
        require(line == "ok", f"a change is answered with: {line}")
        answered += 1
    counts.kills += 1
    counts.answered += answered
    counts.unanswered += len(commands) - answered
    return ([state] + states)[answered:]


def match(found, states):
    """Finds the store's state: the number of unanswered changes that were made."""
    for number, state in enumerate(states):
        if found == state:
            return number
    expected = states[0]
    for key in sorted(set(found) | set(expected)):
        values = {state.get(key) for state in states}
        if found.get(key) not in values:
            raise Wrong(f"{key} is {str(found.get(key))[:40]!r}, but was answered as {str(expected.get(key))[:40]!r}")
    raise Wrong("the store is in a state in which it never was")


def kill_and_boot(machine, directory, kills, dice):
    image, log = (os.path.join(directory, name) for name in ("store.img", "store.log"))
    counts, states = Counts(), [{}]
    disk = bytearray((16 + 2 * machine["area"]) * SECTOR)
    for number in itertools.count():
        with open(image, "wb") as file:
            file.write(disk)
        with Session(machine, directory, image, log) as session:
            ready = session.ready()
            counts.torn += ready["torn"] == "yes"
            require(int(ready["unit"]) == machine["unit"], f"units of {ready['unit']} sectors")
            found = session.contents()
            state = states[match(found, states)]
            # On a busy host it takes more kills until one hits a write.
            if number >= kills and (counts.exposed > 0 or number >= 5 * kills):
                session.off(machine)
                return counts, int(ready["generation"]) - 2
            states = batch(session, dice, state, counts)
        if number % 4 == 0:
            with open(image, "rb") as file:
                disk = bytearray(file.read())
        else:
            way = ("", "nothing", "some", "mixed")[number % 4]
            counts.exposed += lose_power(disk, read_log(log), way, dice, machine["unit"]) > 0


# ---- Other checks ----

def check_idle(session):
    """Between commands the CPU must sleep: an emulated CPU that does not keeps a host CPU busy."""
    before = session.processor_seconds()
    time.sleep(0.5)
    used = session.processor_seconds() - before
    require(used < 0.1, f"busy for {used:.2f} of 0.5 seconds without anything to do")


def check_answers(session):
    """Invalid lines of any length are answered, and change nothing."""
    usage = "error usage: put KEY VALUE, get KEY, delete KEY, list, status, format or off"
    for line, answer in (
            ("put a 1", "ok"), ("get a", "ok 1"), ("get b", "error no such key"), ("delete b", "error no such key"),
            ("put a", "error usage: put KEY VALUE"), ("x" * 200, usage),
            ("get \x01", "error a character that cannot be printed"),
            (f"put {'k' * (KEY_MAX + 1)} 1", f"error the key is too long: at most {KEY_MAX} characters"),
            (f"put a {'v' * (VALUE_MAX + 1)}", f"error the value is too long: at most {VALUE_MAX} characters"),
            ("y" * 20000, "error the line is too long"), ("\r\nget a", "ok 1"),
            (f"put {'k' * KEY_MAX} {'v' * VALUE_MAX}", "ok"), (f"get {'k' * KEY_MAX}", "ok " + "v" * VALUE_MAX),
            (f"delete {'k' * KEY_MAX}", "ok"), ("delete a", "ok"), ("list", "ok 0")):
        require((got := session.ask(line)) == answer, f"{line[:40]!r} is answered with {str(got)[:80]!r}")


def check_full(session):
    """Fills the store. Then all values are still there, and a delete makes room for others."""
    count = 0
    while (answer := session.ask(f"put f{count} {'v' * 400}")) == "ok" and count < 1000:
        count += 1
    require(answer == "error full" and count > 10, f"after {count} keys: {answer}")
    require(session.contents() == {f"f{i}": "v" * 400 for i in range(count)}, "a full store has lost a value")
    require(session.ask("delete f0") == "ok" and session.ask("put g 1") == "ok" and session.ask("get g") == "ok 1",
            "after a delete a full store takes no key")
    return count


def check_use(machine, directory):
    image = os.path.join(directory, "use.img")
    with open(image, "wb") as file:
        file.truncate((16 + 2 * machine["area"]) * SECTOR)
    with Session(machine, directory, image) as session:
        session.ready()
        check_idle(session)
        check_answers(session)
        count = check_full(session)
        status = fields(session.ask("status"))
        require(int(status["wakeups"]) >= int(status["requests"]) > 0, f"requests without an interrupt: {status}")
        session.off(machine)
    return count, status


def check(arguments):
    machine = MACHINES[arguments.architecture]
    full, status = check_use(machine, arguments.directory)
    counts, compactions = kill_and_boot(machine, arguments.directory, arguments.kills, random.Random(arguments.seed))
    require(compactions >= counts.kills // 4, f"{compactions} compactions only")
    require(counts.exposed > 0, "no kill has hit a write")
    print(f"{machine['name']}: killed {counts.kills} times, {counts.exposed} times with writes not yet flushed, "
          f"{counts.torn} torn records; all of {counts.answered} changes that were answered are there, "
          f"{counts.unanswered} others made in order or not; {compactions} compactions; "
          f"full at {full} keys; {status['requests']} requests, {status['wakeups']} wake-ups")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    printing = commands.add_parser("command")
    printing.set_defaults(run=lambda arguments: print("\n".join(
        command(MACHINES[arguments.architecture], arguments.directory))))
    checking = commands.add_parser("check")
    checking.add_argument("--kills", type=int, default=20)
    checking.add_argument("--seed", type=int, default=1)
    checking.set_defaults(run=check)
    for parser_of_one in (printing, checking):
        parser_of_one.add_argument("architecture", choices=MACHINES)
        parser_of_one.add_argument("directory")
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except (Wrong, OSError) as wrong:
        print(wrong)
        sys.exit(1)


if __name__ == "__main__":
    main()
