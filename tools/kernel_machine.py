# SPDX-License-Identifier: MIT
"""A machine that runs the example kernel: for tools/kernel-screen.py, and for checks of other devices."""

import argparse
import importlib
import json
import os
import re
import socket
import subprocess
import sys

host = importlib.import_module("kernel-host")
Wrong, require = host.Wrong, host.require


class Machine:
    """QEMU with the kernel. The kernel's lines that begin with "@" are read as they come; QEMU takes commands.
    `arguments` are those of run(). Each device is a name without the bus, and properties: "virtio-blk,drive=disk";
    `plugged` is what is plugged into these, with whole names."""

    def __init__(self, arguments, devices, options, plugged=()):
        self.events = []  # QEMU's, that were read
        self.said = []  # the first word and its arguments of each such line
        self.commands = 0
        self.success = arguments.success
        self.traces = os.path.join(arguments.directory, "traces")
        self.log = open(os.path.join(arguments.directory, "log"), "w", encoding="utf-8", buffering=1)
        ending = "device" if arguments.bus == "mmio" else "pci"
        packed = ",packed=on" if arguments.ring == "packed" else ""
        command = [*arguments.command, "-global", "virtio-mmio.force-legacy=off", *options]
        for device in devices:
            name, _, properties = device.partition(",")
            command += ["-device", f"{name}-{ending}{packed}" + (f",{properties}" if properties else "")]
        for device in plugged:
            command += ["-device", device]
        self.monitor, other = socket.socketpair()
        command += ["-chardev", f"socket,id=monitor,fd={other.fileno()}", "-mon", "monitor,mode=control"]
        self.process = subprocess.Popen([*command, "-D", self.traces], stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[other.fileno()])
        other.close()
        self.answers = self.monitor.makefile(encoding="utf-8")
        self.send("qmp_capabilities", {}, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.log.write(self.process.communicate()[0])
        self.log.close()

    def send(self, command, arguments, number):
        # Without the end of the line: QEMU reads byte by byte, and one left unread when it ends resets the connection.
        self.monitor.sendall(json.dumps({"execute": command, "arguments": arguments, "id": number}).encode())

    def execute(self, command, **arguments):
        """Sends a command to QEMU. Returns its answer."""
        self.commands += 1
        self.send(command, arguments, self.commands)
        answer = {}
        while answer.get("id") != self.commands:  # else it is a greeting or an event
            line = self.answers.readline()
            require(line, f"QEMU has ended before it answered {command}")
            answer = json.loads(line)
            self.events.append(answer)
        require("return" in answer, f"{command}: {answer}")
        return answer["return"]

    def line(self):
        """Reads a line of the kernel's. Returns whether there was one."""
        line = self.process.stdout.readline()
        self.log.write(line)
        if line.startswith("@"):
            self.said.append(line[1:].rstrip("\n").split(" "))
        return line != ""

    def all(self, word):
        return [arguments for first, *arguments in self.said if first == word]

    def numbers(self, word):
        return [[int(argument) for argument in arguments] for arguments in self.all(word)]

    def wait(self, word, count=1):
        """Waits until the kernel has said a word so many times."""
        while len(self.all(word)) < count:
            require(self.line(), f"the kernel ended before it said @{word} {count} times")

    def end(self):
        """Waits until the kernel has come to a good end. Returns what QEMU has traced, a pair of name and text each."""
        while self.line():
            pass
        require(self.said[-1] == ["end", "ok"] and self.process.wait() == self.success,
                "the kernel did not come to a good end")
        self.events += map(json.loads, self.answers)
        with open(self.traces, encoding="utf-8") as file:
            return re.findall(r"^(?:\d+@[\d.]+:)?(virtio_\w+) (.*)$", file.read(), re.MULTILINE)


def run(description, check):
    """Parses the arguments, and prints what `check` has verified, or what is wrong."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bus", required=True, choices=("mmio", "pci"))
    parser.add_argument("--ring", required=True, choices=("split", "packed"))
    parser.add_argument("--success", required=True, type=int)
    parser.add_argument("directory")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    try:
        print(check(parser.parse_args()))
    except (Wrong, ValueError, OSError) as wrong:
        print(wrong)
        sys.exit(1)
