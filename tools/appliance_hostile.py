# SPDX-License-Identifier: MIT
"""Requests of all kinds, right and wrong, to the unikernel's HTTP server, and clients that want to do harm to others.

appliance.py calls check().
"""

import contextlib
import os
import select
import socket
import threading
import time

from unikernel import SECONDS, require

HEAD_MAX = 8192
BODY_MAX = 8192
FLOOD = 10 * 1024 * 1024
HALF = 100  # more than the server has connections
RANDOM = 100  # requests with random changes
IDLE = 5  # seconds that the server gives a client for a request
WAIT = 4  # seconds that another client may have to wait for its answer, on an idle computer

HOST = b"Host: a\r\n"
END = b"\r\n"

# What is sent, and the status of each answer. The client then sends nothing more, and the server ends the connection.
TABLE = (
    (b"GET / HTTP/1.1\r\n" + HOST + END, (200,)),
    (b"GET / HTTP/1.0\r\n\r\n", (200,)),
    (b"GET /no HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", (404,)),
    (b"GET /no HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", (404, 200)),
    (b"HEAD / HTTP/1.1\r\n" + HOST + END, (200,)),
    (b"\r\nGET / HTTP/1.1\r\n" + HOST + END, (200,)),
    (b"GET /?key=none HTTP/1.1\r\n" + HOST + END, (404,)),
    (b"GET /?key=%zz HTTP/1.1\r\n" + HOST + END, (400,)),
    (b"GET /?key=" + b"k" * 65 + b" HTTP/1.1\r\n" + HOST + END, (400,)),
    (b"GET /?page=99999999999 HTTP/1.1\r\n" + HOST + END, (200,)),
    (b"GET /keys HTTP/1.1\r\n" + HOST + END, (200,)),
    (b"GET /keys HTTP/1.1\r\n" + HOST + END + b"GET /no HTTP/1.1\r\n" + HOST + END, (200, 404)),
    (b"GET /keys HTTP/1.1\r\nConnection: x, Close\r\n" + HOST + END + b"GET / HTTP/1.1\r\n" + HOST + END, (200,)),
    (b"GET /no HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", (404,)),
    (b"GET /counters HTTP/1.1\r\n" + HOST + END, (200,)),
    (b"GET /keys/a HTTP/1.1\r\n" + HOST + END, (404,)),
    (b"GET /keys/ HTTP/1.1\r\n" + HOST + END, (400,)),
    (b"GET /keys/a%20b HTTP/1.1\r\n" + HOST + END, (400,)),
    (b"GET /keys/a%00 HTTP/1.1\r\n" + HOST + END, (400,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 13\r\n" + HOST + END + b'{"value":"1"}', (204,)),
    (b"PUT /keys/a HTTP/1.1\r\ncontent-length:13\r\n" + HOST + END + b'{"value":"2"}' +
     b"GET /keys/a HTTP/1.1\r\n" + HOST + END, (204, 200)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 18\r\n" + HOST + END + b'{"value":"\\u0041"}', (204,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 18\r\n" + HOST + END + b'{"value":"\\u00e9"}', (400,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 12\r\n" + HOST + END + b'{"value":"1"', (400,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 14\r\n" + HOST + END + b'{"value":"\\n"}', (400,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 13\r\n" + HOST + END + b'{"value":"1"', ()),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 2020\r\n" + HOST + END + b'{"value":"' + b"v" * 2008 + b'"}', (400,)),
    (b"PUT /keys/a HTTP/1.1\r\n" + HOST + END, (411,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: -1\r\n" + HOST + END, (400,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + HOST + END, (400,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: %d\r\n" % (BODY_MAX + 1) + HOST + END, (413,)),
    (b"PUT /keys/a HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n" + HOST + END, (400,)),
    (b"PUT /keys/a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 13\r\n" + HOST + END, (100,)),
    (b"PUT /keys HTTP/1.1\r\nContent-Length: 0\r\n" + HOST + END, (405,)),
    (b"POST /keys/a HTTP/1.1\r\nContent-Length: 0\r\n" + HOST + END, (405,)),
    (b"POST / HTTP/1.1\r\nContent-Length: 27\r\n" + HOST + END + b"key=f&value=%3C+&action=save", (400,)),
    (b"POST / HTTP/1.1\r\nContent-Length: 28\r\n" + HOST + END + b"key=f&value=%3C+&action=save", (303,)),
    (b"POST / HTTP/1.1\r\nContent-Length: 19\r\n" + HOST + END + b"key=f&action=remove", (303,)),
    (b"POST / HTTP/1.1\r\nContent-Length: 19\r\n" + HOST + END + b"key=f&action=remove", (404,)),
    (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n" + HOST + END + b"key=f", (400,)),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n" + HOST + END, (501,)),
    (b"DELETE /keys/a HTTP/1.1\r\n" + HOST + END, (204,)),
    (b"DELETE /keys/a HTTP/1.1\r\n" + HOST + END, (404,)),
    (b"GET / HTTP/1.1\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\r\n" + HOST + HOST + END, (400,)),
    (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\r\n" + HOST + b" folded\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\r\nX: a\x00b\r\n" + HOST + END, (400,)),
    (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\n\nContent-Length: 5\r\n\r\n", (400,)),
    (b"GET / HTTP/2.0\r\n\r\n", (505,)),
    (b"GET / HTTP/1.x\r\n\r\n", (400,)),
    (b"GET / \r\n\r\n", (400,)),
    (b"GET  / HTTP/1.1\r\n\r\n", (400,)),
    (b"GET http://a/ HTTP/1.1\r\n" + HOST + END, (400,)),
    (b"FROB / HTTP/1.1\r\n" + HOST + END, (501,)),
    (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\r\nX: " + b"x" * (HEAD_MAX - 32) + END + HOST + END, (200,)),
    (b"GET / HTTP/1.1\r\nX: " + b"x" * (HEAD_MAX - 31) + END + HOST + END, (431,)),
    (b"x" * HEAD_MAX, (431,)),
    (b"GET / HTTP/1.1\r\nX:", ()),
    (b"", ()),
)


def connect(appliance, limit=SECONDS):
    return socket.create_connection(("127.0.0.1", appliance.port), timeout=limit)


def exchange(appliance, data, piece=None):
    """Sends the data, in pieces if `piece` is their size, then nothing more. Returns all that comes back."""
    answer = b""
    with connect(appliance) as connection:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(data), piece or max(1, len(data))):
                connection.sendall(data[at:at + (piece or len(data))])
            connection.shutdown(socket.SHUT_WR)
            while received := connection.recv(65536):
                answer += received
        except (ConnectionError, BrokenPipeError):
            pass  # what came before counts
    return answer


def statuses(answer, data):
    """The statuses of the answers, each of which must be whole."""
    found = []
    while answer:
        head, blank, rest = answer.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        require(blank and words[0] == b"HTTP/1.1" and len(words) == 3 and words[1].isdigit(),
                f"{data[:60]!r} has an answer that is none: {answer[:60]!r}")
        found.append(int(words[1]))
        length = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        size = int(length[0].split(b" ")[1]) if length and not data.lstrip().startswith(b"HEAD") else 0
        require(len(rest) >= size, f"{data[:60]!r} has an answer that is not whole")
        answer = rest[size:]
    return tuple(found)


def check_table(appliance):
    for number, (data, expected) in enumerate(TABLE):
        got = statuses(exchange(appliance, data, piece=7 if number % 5 == 0 and len(data) < 200 else None), data)
        require(got == expected, f"{data[:80]!r} is answered with {got}, not {expected}")


def check_random(appliance, dice):
    """Valid requests with random changes: there is a whole answer, or none."""
    answered = 0
    for _ in range(RANDOM):
        data = bytearray(dice.choice(TABLE)[0][:2100] or b"x")
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            way = dice.randrange(3)
            if way == 0:
                data[at] = dice.randrange(256)
            elif way == 1:
                data[at:at] = dice.randbytes(dice.choice((1, 3, 200)))
            else:
                del data[at:at + dice.choice((1, 2, 50))]
            data = data or bytearray(b"x")
        answer = exchange(appliance, bytes(data))
        require(not answer or answer.startswith(b"HTTP/1.1 "), f"{bytes(data[:80])!r} is answered with {answer[:80]!r}")
        answered += answer != b""
    return answered


class Other(threading.Thread):
    """A client that wants nothing but its answers, each within the limit."""

    def __init__(self, appliance):
        super().__init__()
        self.appliance = appliance
        self.stop = threading.Event()
        self.served = 0
        self.longest = 0.0
        self.wrong = None

    def run(self):
        while not self.stop.is_set() and self.wrong is None:
            begin = time.monotonic()
            try:
                status = self.appliance.ask("GET", "/keys")[0]
                if status != 200:
                    self.wrong = f"status {status}"
            except OSError as error:
                self.wrong = repr(error)
            self.longest = max(self.longest, time.monotonic() - begin)
            self.served += 1
            time.sleep(0.02)

    def finish(self):
        self.stop.set()
        self.join(2 * SECONDS)
        require(not self.is_alive() and self.wrong is None, f"another client was not served: {self.wrong}")
        limit = WAIT * SECONDS / 60
        require(self.longest < limit, f"another client waited {self.longest:.1f} s for an answer, above {limit:.0f} s")


def flood(appliance, start, filler):
    """Sends what never ends, up to 10 MiB. Returns what came back before the connection broke, and what was sent."""
    sent, answer = 0, b""
    with connect(appliance) as connection:
        try:
            connection.sendall(start)
            while sent < FLOOD:
                connection.sendall(filler)
                sent += len(filler)
        except OSError:
            pass  # the server has had enough
        try:
            connection.settimeout(1)
            answer = connection.recv(65536)
        except OSError:
            pass  # a reset may overtake the answer
    return answer, sent


FLOODS = (  # how it begins, what follows for ever, and how the status begins
    (b"GET / HTTP/1.1\r\n", b"X-Fill: " + b"x" * 1014 + END, b"431"),
    (b"GET /", b"x" * 65536, b"431"),
    (b"PUT /keys/a HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % FLOOD, b"x" * 65536, b"413"),
    (b"", os.urandom(65536), b"4"),
)


def check_floods(appliance):
    for start, filler, status in FLOODS:
        answer, _ = flood(appliance, start, filler)
        require(not answer or answer.startswith(b"HTTP/1.1 " + status), f"a flood is answered with {answer[:40]!r}")


def open_half(appliance, data):
    connection = connect(appliance)
    connection.sendall(data)
    return connection


def check_harm(appliance):
    """Attacks, while another client is at work."""
    other = Other(appliance)
    other.start()
    held = []
    try:
        for number in range(HALF):
            time.sleep(0.01)  # QEMU accepts few connections at once; others try again after a second
            held.append(open_half(appliance, b"GET / HTTP/1.1\r\nHost: a\r\nX:" if number % 2 else b""))
        # A client that asks for much and reads nothing.
        held.append(open_half(appliance, (b"GET / HTTP/1.1\r\n" + HOST + END) * 200))
        check_floods(appliance)
        for size in (1, 10, 1000, 8000):
            exchange(appliance, os.urandom(size))
    finally:
        other.finish()
        for connection in held:
            connection.close()
    return other


def await_end(silent, half, slow):
    """Returns what came on each connection up to its end. Meanwhile `slow` sends a byte now and then."""
    begin = time.monotonic()
    answers, going = {silent: b"", half: b"", slow: b""}, {silent, half, slow}
    while going:
        require(time.monotonic() - begin < IDLE + SECONDS / 6, "an idle connection stays open")
        readable, _, _ = select.select(going, [], [], 0.2)
        for connection in readable:
            try:
                data = connection.recv(65536)
            except ConnectionError:
                data = b""
            answers[connection] += data
            if not data:
                going.remove(connection)
        if slow in going:
            with contextlib.suppress(ConnectionError):
                slow.sendall(b"x")
    return answers, time.monotonic() - begin


def check_idle(appliance, session):
    """Connections without a whole request are ended in time; one that sends a byte now and then too."""
    before = session.processor_seconds()
    silent, half, slow = (open_half(appliance, data) for data in (b"", b"GET / HTTP/1.1\r\n", b"G"))
    answers, took = await_end(silent, half, slow)
    used = session.processor_seconds() - before
    require(took > IDLE - 1, f"an idle connection is ended after {took:.1f} s already")
    require(answers[silent] == b"" and answers[half].startswith(b"HTTP/1.1 408"),
            "an idle connection ends in a wrong way")
    require(used < 0.2 * took, f"busy for {used:.1f} of {took:.1f} seconds with idle connections")
    for connection in answers:
        connection.close()
    return took


def check(appliance, session, dice):
    """All of it. Returns what was seen, in words."""
    check_table(appliance)
    answered = check_random(appliance, dice)
    other = check_harm(appliance)
    took = check_idle(appliance, session)
    dropped = appliance.counters()["connections dropped"]
    require(dropped >= HALF - 64, f"only {dropped} connections were dropped")
    return (f"{len(TABLE)} requests answered as they must be, {RANDOM} random ones ({answered} answered); during "
            f"floods of 10 MiB and {HALF} half requests another client had {other.served} answers within "
            f"{1000 * other.longest:.0f} ms; idle connections ended after {took:.0f} s")
