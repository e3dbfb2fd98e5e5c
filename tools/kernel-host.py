#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The host of the example kernel: its disk image, its network, and the check of what it did.

kernel-host.py create IMAGE
    Fills IMAGE with random bytes.
kernel-host.py network [--netdev NAME] FILE COMMAND...
    Runs COMMAND, which is QEMU, with the netdev NAME ("network" if it is not given), and answers each frame that comes
    from there by one of its own. FILE gets the number of frames that were as expected, byte for byte; or what was wrong
    with one, after which there are no answers. Exits as COMMAND does.
kernel-host.py check --architecture A --machine M --interface legacy|modern --ring split|packed
                     [--slots N] [--functions N]
                     [--configuration cf8|ecam,ADDRESS] --device mmio|pci,PLACE,TYPE,INTERFACE,INTERFACES...
                     --interrupts line|messages... [--shared-line] --console FILE LINE [--keyboard LINE]
                     --network FILE
                     --serial S --topology 512,3,16,128 ORIGINAL IMAGE LOG
    Compares the image that a kernel has changed with the kernel's log (the lines that begin with "@"): its writes must
    be in the image byte for byte, its reads must have returned the image's data, and nothing else may have changed.
    The devices that it found must be those named: place, type, the interface that the kernel uses (legacy or modern),
    and the one that the device has (legacy, modern or transitional). The numbers of virtio-mmio slots and PCI
    functions, and the access to PCI configuration, must be those named. The disk's interface and ring are
    --interface and --ring.
    The random bytes must be those of ORIGINAL, which is the entropy source's file.
    The FILE of --console has what came from the virtio console: what was printed before any set-up, and LINE, which was
    typed there. That of --keyboard was typed on the keyboard, if there is one. The FILE of --network is the one that
    the command "network" has written.
    Requests must have completed by interrupt in the modes named, in this order, with the CPU asleep, and no interrupt
    may have come that was turned off. With --shared-line the disk and the entropy source share a line, and each must
    have denied interrupts of the other device.
    Prints what was verified on one line; on a failure prints what is wrong and exits with 1.
"""

import argparse
import os
import select
import socket
import subprocess
import sys
import tempfile

SECTOR = 512
SECTORS = 32771  # odd, so that no larger block contains the last sector
KERNEL_MAC = bytes.fromhex("525400123456")
PEER_MAC = bytes.fromhex("525400767074")
MASK = (1 << 64) - 1


class Wrong(Exception):
    """The kernel, its log or its image is wrong."""


def require(condition, message):
    if not condition:
        raise Wrong(message)


def pattern(seed, sector, count):
    """The kernel's data: see pattern.c in examples/kernel."""
    data = bytearray()
    first = sector * SECTOR // 8
    for number in range(first + 1, first + 1 + count * SECTOR // 8):
        z = (seed + number * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        data += (z ^ (z >> 31)).to_bytes(8, "little")
    return bytes(data)


def checksum(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def frame(number, sent):
    """A frame that the kernel sends, or the answer to it: see network.c in examples/kernel."""
    addresses = PEER_MAC + KERNEL_MAC if sent else KERNEL_MAC + PEER_MAC
    return (addresses + b"\x88\xb5" + pattern(1 if sent else 2, 3 * number, 3)[14:])[:1514 - number * 61 % 1455]


class Log:
    """The kernel's "@" lines: for each first word, a list of argument lists."""

    def __init__(self, path):
        self.lines = {}
        self.last = None
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("@"):
                    self.last, *arguments = line[1:].split()
                    self.lines.setdefault(self.last, []).append(arguments)

    def all(self, word):
        return self.lines.get(word, [])

    def numbers(self, word):
        return [[int(argument) for argument in arguments] for arguments in self.all(word)]


def ranges(triples, sectors):
    """Sorted (sector, count, rest); checks that they lie on the disk."""
    for sector, count, *_ in triples:
        require(count > 0 and 0 <= sector and sector + count <= sectors, f"no such sectors: {count} from {sector} on")
    return sorted(triples)


def check_devices(log, arguments):
    require(log.all("machine") == [[arguments.architecture, arguments.machine]], "another machine")
    found = sorted(",".join(device) for device in log.all("device"))
    require(found == sorted(arguments.device), f"devices found: {' '.join(found)}")
    slots = [] if arguments.slots is None else [
        [arguments.slots, arguments.slots - sum(device.startswith("mmio,") for device in found)]]
    require(log.numbers("slots") == slots, f"virtio-mmio slots, and how many are empty: {log.all('slots')}")
    functions = [] if arguments.functions is None else [[arguments.functions]]
    require(log.numbers("functions") == functions, f"PCI functions: {log.all('functions')}")
    configuration = [] if arguments.configuration is None else [arguments.configuration.split(",")]
    require(log.all("configuration") == configuration, f"PCI configuration by {log.all('configuration')}")


def check_disk(log, original, arguments):
    disks = log.all("disk")
    right = [str(len(original) // SECTOR), arguments.serial, arguments.interface, arguments.ring]
    require(disks and all(disk == right for disk in disks), f"disks: {disks}")
    topologies = log.all("topology")
    right = arguments.topology.split(",")
    require(len(topologies) == len(disks) and all(one == right for one in topologies), f"topologies: {topologies}")
    seeds = log.all("seed")
    seed = int.from_bytes(original[:8], "little")
    require(len(seeds) == len(disks) and all(int(said, 16) == seed for said, in seeds), "the seed is not the disk's")
    return seed


def check_sharing(log, shared):
    """Checks that each device claimed its own interrupts only."""
    [[line, asked, claimed]] = log.numbers("line")
    [[answers, sleeps, other_line, other_asked, other_claimed]] = log.numbers("neighbour")
    nobody = log.numbers("nobody")[0][0] - int(log.all("network")[0][-1])
    require(answers > 0 and other_claimed >= answers and sleeps > 0,
            "the entropy source did not interrupt as it should")
    require((line == other_line) == shared, f"the disk is on line {line}, the entropy source on line {other_line}")
    if shared:
        require(asked > claimed and other_asked > other_claimed, "interrupts of the other's claimed on the shared line")
        # A PLIC remembers that a line rose: one interrupt may follow each that both claim, and one may be from before
        # the line was opened, when the kernel polled the device that raised it.
        both = claimed + other_claimed - (asked - nobody)
        require(nobody <= both + 1, f"{nobody} interrupts that were nobody's, {both} of both")
    else:
        require(asked == claimed and other_asked == other_claimed and nobody == 0,
                f"interrupts without a cause: {asked - claimed} and {other_asked - other_claimed}, {nobody} nobody's")


def check_interrupts(log, arguments):
    """The number of interrupts in each mode."""
    found = log.all("interrupts")
    require([mode for mode, *_ in found] == arguments.interrupts, f"completion by interrupt: {found}")
    for mode, *counts in found:
        rounds, sleeps, queue, configuration, unwanted = (int(count) for count in counts)
        require(rounds > 0 and sleeps >= rounds, f"{mode}: {sleeps} sleeps in {rounds} rounds")
        require(queue >= rounds, f"{mode}: {queue} interrupts in {rounds} rounds")
        require(configuration == 0, f"{mode}: {configuration} interrupts for a configuration that does not change")
        require(unwanted == 0, f"{mode}: {unwanted} interrupts that were turned off")
    if "line" in arguments.interrupts:
        check_sharing(log, arguments.shared_line)


def expected_image(log, original, seed):
    """The original plus the kernel's writes by its log; and the number of sectors written."""
    image = bytearray(original)
    end = 0
    total = 0
    for sector, count in ranges(log.numbers("wrote"), len(original) // SECTOR):
        require(sector >= end, f"sector {sector} written twice")
        image[sector * SECTOR:(sector + count) * SECTOR] = pattern(seed, sector, count)
        end = sector + count
        total += count
    require(total > 0, "nothing written")
    return bytes(image), total


def check_reads(log, original):
    reads = [(int(sector), int(count), int(said, 16)) for sector, count, said in log.all("read")]
    total = 0
    for sector, count, said in ranges(reads, len(original) // SECTOR):
        found = checksum(original[sector * SECTOR:(sector + count) * SECTOR])
        require(found == said, f"read something else than the {count} sectors from {sector} on")
        total += count
    require(total > 0, "nothing read")
    return total


def check_image(image, expected, original):
    require(len(image) == len(expected), "the image has another size")
    for offset in range(0, len(image), SECTOR):
        found, wanted = (data[offset:offset + SECTOR] for data in (image, expected))
        if found != wanted:
            byte = next(i for i in range(SECTOR) if found[i] != wanted[i])
            changed = wanted != original[offset:offset + SECTOR]
            raise Wrong(f"sector {offset // SECTOR} byte {byte} is 0x{found[byte]:02x}, not 0x{wanted[byte]:02x}: "
                        + ("not what was said to be written" if changed else "changed without a word"))


def check_entropy(log, source):
    """The numbers of random bytes read by the blocking helper and by parallel requests. QEMU may have taken further
    bytes in between: its timer asks the source a second time before the first answer arrives."""
    counts = []
    place = 0
    for count, said in ((int(count), int(said, 16)) for count, said in log.all("entropy")):
        place = next((first for first in range(place, 1024) if checksum(source[first:first + count]) == said), None)
        require(count > 0 and place is not None, f"these {count} random bytes are not those of the source")
        place += count
        counts.append(count)
    require(len(counts) == 2, f"random bytes: {counts}")
    return counts


def check_console(log, arguments):
    """The lines that the kernel printed on the virtio console, one of which had been sent there."""
    path, line = arguments.console
    with open(path, encoding="utf-8", errors="replace") as file:
        found = file.read()
    expected = f"emergency\n{arguments.architecture} {arguments.machine} listens\nheard {line}\n"
    require(found == expected, f"on the console: {found!r}")
    require(log.all("console") == [[line]], f"the kernel has read {log.all('console')}, not {line}")


def check_keyboard(log, line):
    """The line that the kernel has read from the keyboard, if there is one."""
    typed = [] if line is None else [[line]]
    require(log.all("typed") == typed, f"typed on the keyboard: {log.all('typed')}, not {typed}")


def check_network(log, arguments):
    """The frames that were sent and answered: by polling, and by interrupt."""
    [[address, *counts]] = log.all("network")
    polled, interrupted, sleeps, claimed, nobody = (int(count) for count in counts)
    require(bytes(int(byte, 16) for byte in address.split(":")) == KERNEL_MAC, f"the network card is {address}")
    require(polled > 0 and interrupted > 0 and sleeps > 0, f"frames, and sleeps until they came: {counts}")
    # A PLIC remembers that the card raised its line again before the handler had asked it.
    most = claimed if arguments.architecture == "riscv64" else 0
    require(nobody <= most, f"{nobody} interrupts that were nobody's, {most} may be")
    with open(arguments.network, encoding="utf-8") as file:
        found = file.read()
    require(found == f"{polled + interrupted} frames", f"at the other end of the network: {found}")
    return found


def summary_interrupts(log):
    for mode, rounds, _, queue, *_ in log.all("interrupts"):
        text = f"{queue} {'line' if mode == 'line' else 'MSI-X'} interrupts in {rounds} rounds of requests"
        if mode == "line" and log.numbers("line")[0][0] == log.numbers("neighbour")[0][2]:
            text += f" and {log.numbers('neighbour')[0][4]} of another device on the line"
        yield text


def summary(log, written, read, entropy, network):
    measured = log.numbers("measured")
    require(len(measured) == len(log.all("disk")), "no measurements")
    parts = [f"wrote {written} sectors", "read back", f"read {read} others", "image checked",
             f"{sum(one[0] for one in measured)} asynchronous requests"]
    parts += [f"{one[3]} kicks for {one[0]}" for one in measured if len(one) > 3]
    parts.append("{} random bytes in one call and {} by requests at once, all as in the source".format(*entropy))
    parts.append("a line to the console and one back")
    parts += ["a line typed on a keyboard"] if log.all("typed") else []
    parts.append(f"{network} sent and as many received, all as sent")
    parts += summary_interrupts(log)
    parts.append(f"{measured[0][1]} + {measured[0][2]} instructions to submit and complete one")
    return ", ".join(parts)


def check(arguments):
    log = Log(arguments.log)
    require(log.last == "end" and log.all("end") == [["ok"]], "the kernel did not come to a good end")
    with open(arguments.original, "rb") as file:
        original = file.read()
    with open(arguments.image, "rb") as file:
        image = file.read()
    check_devices(log, arguments)
    check_interrupts(log, arguments)
    check_console(log, arguments)
    check_keyboard(log, arguments.keyboard)
    network = check_network(log, arguments)
    seed = check_disk(log, original, arguments)
    expected, written = expected_image(log, original, seed)
    check_image(image, expected, original)
    print(summary(log, written, check_reads(log, original), check_entropy(log, original), network))


def create(arguments):
    with open(arguments.image, "wb") as file:
        file.write(os.urandom(SECTORS * SECTOR))


def answer(peer, device, running):
    """Answers frames as long as they are the expected ones; returns how many these were."""
    number = 0
    while running():
        if select.select([peer], [], [], 0.02)[0]:
            found = peer.recv(65536)
            require(found == frame(number, True), f"frame {number} is {found.hex()}")
            peer.sendto(frame(number, False), device)
            number += 1
    return number


def network(arguments):
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        here, device = f"{folder}/peer", f"{folder}/device"
        peer.bind(here)
        with subprocess.Popen([*arguments.command, "-netdev",
                               f"dgram,id={arguments.netdev},local.type=unix,remote.type=unix,"
                               f"local.path={device},remote.path={here}"]) as process:
            try:
                text = f"{answer(peer, device, lambda: process.poll() is None)} frames"
            except (Wrong, OSError) as wrong:
                text = str(wrong)
    with open(arguments.file, "w", encoding="utf-8") as file:
        file.write(text)
    sys.exit(process.returncode)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    creating = commands.add_parser("create")
    creating.add_argument("image")
    creating.set_defaults(run=create)
    networking = commands.add_parser("network")
    networking.add_argument("--netdev", default="network")
    networking.add_argument("file")
    networking.add_argument("command", nargs=argparse.REMAINDER)
    networking.set_defaults(run=network)
    checking = commands.add_parser("check")
    for option in ("--architecture", "--machine", "--interface", "--ring", "--serial", "--topology"):
        checking.add_argument(option, required=True)
    checking.add_argument("--device", required=True, action="append")
    checking.add_argument("--interrupts", required=True, action="append")
    checking.add_argument("--shared-line", action="store_true")
    checking.add_argument("--console", required=True, nargs=2)
    checking.add_argument("--keyboard")
    checking.add_argument("--network", required=True)
    checking.add_argument("--slots", type=int)
    checking.add_argument("--functions", type=int)
    checking.add_argument("--configuration")
    for name in ("original", "image", "log"):
        checking.add_argument(name)
    checking.set_defaults(run=check)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except (Wrong, ValueError) as wrong:
        print(wrong)
        sys.exit(1)


if __name__ == "__main__":
    main()
