#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records what the example kernel plays.

kernel-sound.py --bus mmio|pci --ring split|packed --success STATUS DIRECTORY COMMAND...
    Runs COMMAND, which is QEMU 10 with the kernel, and attaches a sound device that plays into DIRECTORY/sound.wav.
    What is in that file must have the checksum of the melody that the kernel says it has played. Prints what was
    verified on one line; on a failure prints what is wrong and exits with 1.
"""

import os

from kernel_machine import Machine, host, require, run

HEADER = 44  # bytes of a WAV file before its frames
SECOND = 44100 * 2 * 2  # bytes of two channels with 16 bits each


def check(arguments):
    path = os.path.join(arguments.directory, "sound.wav")
    options = ["-audiodev", f"wav,id=wav,path={path},out.frequency=44100"]
    with Machine(arguments, ["virtio-sound,audiodev=wav,streams=1"], options) as machine:
        machine.end()
        [[size, said]] = machine.all("played")
    with open(path, "rb") as file:
        frames = file.read()[HEADER:HEADER + int(size)]
    require(len(frames) == int(size) > 0, f"{len(frames)} bytes were recorded, {size} played")
    require(host.checksum(frames) == int(said, 16), "the file has other frames than the kernel has played")
    return (f"{arguments.ring} rings, a melody of {len(frames) / SECOND:.1f} s: the {len(frames)} bytes of its frames "
            f"are in the WAV file, checksum {said}")


if __name__ == "__main__":
    run(__doc__, check)
