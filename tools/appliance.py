#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks from outside what the unikernel serves by HTTP. tools/appliance.sh calls this.

appliance.py check x86_64|riscv64 DIRECTORY [--kills N] [--seed N]
    Boots DIRECTORY/unikernel.elf with a network. Clients change keys at the same time, each by JSON and by the form,
    until QEMU is killed; the next boot gets the disk as a loss of power may have left it (see unikernel.py). What was
    answered must be there. Then come requests of all kinds, and clients that want to do harm (appliance_hostile.py).
appliance.py load x86_64|riscv64 DIRECTORY [--seconds N]
    32 connections at once, by ab, for so long: no request may fail. Prints figures.
appliance.py browser x86_64|riscv64 DIRECTORY [--picture FILE]
    Uses the page by Chromium, kills QEMU, and looks for the keys; FILE becomes a picture of the page.

Each prints one line that says what was verified; on a failure it prints what is wrong and exits with 1.
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import unikernel
from unikernel import SECONDS, SECTOR, Wrong, require

CLIENTS = 4
KEYS = 6  # of each client
AREA = 400  # sectors: all keys fit twice, also in units of 8 sectors
CONNECTIONS = 32  # of the load
AT_ONCE = 2  # of these, opened at once

DEVICES = {
    "x86_64": {"device": "virtio-blk-device,drive=disk", "network": "virtio-net-device", "name": "virtio-mmio 2"},
    "riscv64": {"device": "virtio-blk-pci,drive=disk,physical_block_size=4096",
                "network": "virtio-net-pci,romfile=", "name": "virtio-pci"},
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Appliance:
    """The machine and its disk; run() boots it."""

    def __init__(self, architecture, directory):
        self.base = dict(unikernel.MACHINES[architecture], **DEVICES[architecture])
        self.directory = directory
        self.image, self.log = (os.path.join(directory, name) for name in ("appliance.img", "appliance.log"))
        self.port = free_port()

    def blank(self):
        with open(self.image, "wb") as file:
            file.truncate((16 + 2 * AREA) * SECTOR)

    def machine(self):
        network = ["-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:80",
                   "-device", self.base["network"] + ",netdev=net"]
        return dict(self.base, qemu=self.base["qemu"] + network)

    @contextlib.contextmanager
    def run(self, log=None):
        """One boot, from the start of HTTP on. At the end it is killed if it still runs."""
        with unikernel.Session(self.machine(), self.directory, self.image, log) as session:
            session.ready()
            self.await_http()
            yield session

    def await_http(self):
        """A connection that QEMU takes before the machine has its address stays unanswered for seconds."""
        end, limit = time.monotonic() + SECONDS, 0.2
        while True:
            try:
                with contextlib.closing(self.connect(limit)) as connection:
                    require(self.ask("GET", "/", connection=connection)[0] == 200, "the page is not served")
                return
            except (OSError, http.client.HTTPException):
                require(time.monotonic() < end, f"ran out of time (limit {SECONDS} s): nothing answers by HTTP")
                time.sleep(0.02)
                limit *= 1.2

    def connect(self, limit=SECONDS):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit)

    def ask(self, method, path, body=None, connection=None):
        """Returns the status and the body."""
        own = connection or self.connect()
        try:
            own.request(method, path, body)
            answer = own.getresponse()
            return answer.status, answer.read().decode("latin-1")
        finally:
            if connection is None:
                own.close()

    def contents(self):
        connection = self.connect()
        status, text = self.ask("GET", "/keys", connection=connection)
        require(status == 200, f"the list is answered with {status}")
        found = {}
        for key in json.loads(text)["keys"]:
            status, text = self.ask("GET", key_path(key), connection=connection)
            require(status == 200 and json.loads(text)["key"] == key, f"{key!r} is answered with {status}: {text!r}")
            found[key] = json.loads(text)["value"]
        connection.close()
        return found

    def counters(self):
        return json.loads(self.ask("GET", "/counters")[1])


def key_path(key):
    return "/keys/" + urllib.parse.quote(key, safe="")


# ---- Changes, and kills ----

class Client(threading.Thread):
    """Changes its keys, one after the other, until the machine is gone."""

    def __init__(self, appliance, number, state, seed):
        super().__init__()
        self.appliance, self.number, self.state = appliance, number, dict(state)
        self.dice = random.Random(seed)
        self.pending = dict(state)  # the state if the change that was not answered was made
        self.answered = 0
        self.wrong = None

    def choose(self):
        """Makes a change in `pending`, and returns the request for it, with the right answer."""
        key = f"c{self.number}/&\"%{self.dice.randrange(KEYS)}"
        if key in self.state and self.dice.random() < 0.2:
            del self.pending[key]
            return "DELETE", key_path(key), None, 204
        value = "".join(chr(self.dice.randint(32, 126)) for _ in range(self.dice.choice((0, 1, 40, 300, 1400))))
        self.pending[key] = value
        if self.dice.random() < 0.3:
            form = urllib.parse.urlencode({"key": key, "value": value, "action": "save"})
            return "POST", "/", form, 303
        return "PUT", key_path(key), json.dumps({"value": value}), 204

    def run(self):
        connection = self.appliance.connect()
        try:
            while True:
                method, path, body, expected = self.choose()
                status, text = self.appliance.ask(method, path, body, connection)
                if status != expected:
                    self.wrong = f"{method} {path} is answered with {status}: {text[:80]!r}"
                    return
                self.state = dict(self.pending)
                self.answered += 1
        except (OSError, http.client.HTTPException):
            pass  # killed
        finally:
            connection.close()


def part(found, number):
    return {key: value for key, value in found.items() if key.startswith(f"c{number}/")}


class Counts:
    def __init__(self):
        self.answered = self.open = self.exposed = 0


def change_and_kill(appliance, session, states, dice, counts):
    """Returns for each client the state that was answered, and the one that is also allowed."""
    clients = [Client(appliance, number, states[number], dice.random()) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(0.2 + dice.random() * 0.3)
    session.kill()
    for client in clients:
        client.join(2 * SECONDS)
        require(not client.is_alive(), "a client hangs")
        require(client.wrong is None, client.wrong)
        counts.answered += client.answered
        counts.open += client.pending != client.state
    return [(client.state, client.pending) for client in clients]


def check_kills(appliance, kills, dice):
    counts, states = Counts(), [({}, {})] * CLIENTS
    appliance.blank()
    with open(appliance.image, "rb") as file:
        disk = bytearray(file.read())
    for number in range(kills + 1):
        with open(appliance.image, "wb") as file:
            file.write(disk)
        with appliance.run(appliance.log) as session:
            found = appliance.contents()
            for client, allowed in enumerate(states):
                require(part(found, client) in allowed, f"a key of client {client} is not as it was answered")
            if number == kills:
                session.off(appliance.base)
                return counts
            states = change_and_kill(appliance, session, [part(found, i) for i in range(CLIENTS)], dice, counts)
        way = ("nothing", "some", "mixed")[number % 3]
        counts.exposed += unikernel.lose_power(disk, unikernel.read_log(appliance.log), way, dice,
                                               appliance.base["unit"]) > 0


def check(arguments):
    import appliance_hostile
    appliance = Appliance(arguments.architecture, arguments.directory)
    counts = check_kills(appliance, arguments.kills, random.Random(arguments.seed))
    require(counts.answered > 0, "no change was answered before a kill")
    appliance.blank()
    with appliance.run() as session:
        hostile = appliance_hostile.check(appliance, session, random.Random(arguments.seed))
        session.off(appliance.base)
    print(f"HTTP, {appliance.base['name']}: power lost {arguments.kills} times with {CLIENTS} clients at work, "
          f"{counts.exposed} times with writes not yet flushed; all of {counts.answered} changes that were "
          f"answered are there, {counts.open} others made or not; {hostile}")


# ---- Load ----

FIGURES = {
    "complete": r"Complete requests:\s+(\d+)", "failed": r"Failed requests:\s+(\d+)",
    "other": r"Non-2xx responses:\s+(\d+)", "rate": r"Requests per second:\s+([\d.]+)",
    "half": r"\n\s+50%\s+(\d+)", "most": r"\n\s+99%\s+(\d+)", "all": r"\n\s+100%\s+(\d+)",
}


def read_figures(process, limit):
    text = "".join(process.communicate(timeout=limit))
    figures = {name: float(match.group(1)) if (match := re.search(pattern, text)) else 0
               for name, pattern in FIGURES.items()}
    require(process.returncode == 0 and figures["complete"] > 0, f"ab has failed: {text.strip()[-300:]}")
    require(figures["failed"] == 0 and figures["other"] == 0, f"requests have failed: {figures}")
    return figures


def bench(appliance, seconds, path, *options):
    """
    Runs several ab, which begin one after the other: QEMU has a queue for two new connections, and others would wait
    for seconds. Returns the figures of all: sums of numbers, the longest of times.
    """
    command = ["ab", "-q", "-l", "-k", "-c", str(AT_ONCE), "-t", str(seconds), "-n", "100000000", *options,
               f"http://127.0.0.1:{appliance.port}{path}"]
    running = []
    try:
        for _ in range(CONNECTIONS // AT_ONCE):
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            time.sleep(0.05)
        every = [read_figures(process, seconds + SECONDS) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    return {name: (sum if name in ("complete", "rate") else max)(figures[name] for figures in every)
            for name in FIGURES}


def describe(figures):
    return (f"{figures['complete']:.0f} requests, {figures['rate']:.0f} a second, half within "
            f"{figures['half']:.0f} ms, 99 % within {figures['most']:.0f} ms, all within {figures['all']:.0f} ms")


def load(arguments):
    appliance = Appliance(arguments.architecture, arguments.directory)
    change = os.path.join(arguments.directory, "change.json")
    with open(change, "w", encoding="ascii") as file:
        json.dump({"value": "v" * 100}, file)
    appliance.blank()
    with appliance.run() as session:
        pages = bench(appliance, arguments.seconds, "/")
        after = appliance.counters()
        changes = bench(appliance, max(1, arguments.seconds // 4), "/keys/load", "-u", change, "-T", "application/json")
        require(appliance.contents() == {"load": "v" * 100}, "the change is not there")
        lost = appliance.counters()["frames lost"]
        session.off(appliance.base)
    frames = after["frames received"] + after["frames sent"]
    print(f"HTTP, {appliance.base['name']}: {CONNECTIONS} connections at once, no error; page: {describe(pages)}; "
          f"changes: {describe(changes)}; in {arguments.seconds} s of pages {frames} frames, "
          f"{after['network interrupts']} interrupts, {after['network kicks']} kicks; {lost} frames lost")


# ---- The command ----

def browse(arguments):
    import appliance_browser
    appliance_browser.check(Appliance(arguments.architecture, arguments.directory), arguments.picture)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (("check", check), ("load", load), ("browser", browse)):
        one = commands.add_parser(name)
        one.set_defaults(run=run)
        one.add_argument("architecture", choices=DEVICES)
        one.add_argument("directory")
        one.add_argument("--kills", type=int, default=4)
        one.add_argument("--seed", type=int, default=1)
        one.add_argument("--seconds", type=int, default=10)
        one.add_argument("--picture")
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except (Wrong, OSError, http.client.HTTPException, subprocess.SubprocessError) as wrong:
        print(wrong)
        sys.exit(1)


if __name__ == "__main__":
    main()
