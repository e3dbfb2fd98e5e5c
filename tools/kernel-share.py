#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shares folders, a SCSI disk and memory with the example kernel.

kernel-share.py --bus mmio|pci --ring split|packed --success STATUS DIRECTORY COMMAND...
    Runs COMMAND, which is QEMU with the kernel, and attaches a memory balloon, a SCSI host with a disk beside a virtio
    disk, a folder by 9P and another one by virtiofs, whose server has to be run by root. The kernel must give back as
    much memory as the host wants and take it again, by its own word and QEMU's; its writes must be in the SCSI disk's
    image, its reads must have been of the image, and nothing else may have changed; in each folder a file that it has
    made must be the host's file with a line of its own. Prints what was verified on one line; on a failure prints what
    is wrong and exits with 1.
"""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import zlib

from kernel_machine import Machine, host, require, run

MEMORY, PAGES = 64 << 20, 64  # the machine's bytes; what the kernel can do without, in pages of 4096 bytes
SERVER = "/usr/lib/qemu/virtiofsd"
LINE = b"This line was written by a kernel.\n"
SECTORS = 2048


def make_folder(folder):
    """A folder with a file for the kernel and some others. Returns the file's bytes, and how many entries there are."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    content = random.randbytes(random.randrange(100_000, 110_000))
    others = random.randrange(50, 70)
    for name, data in [("from-host.txt", content), *((f"file {number}", b"") for number in range(others))]:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
    return content, others + 1


@contextlib.contextmanager
def served(folder, path):
    """While a server of the folder runs; `path` is where QEMU finds it."""
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        server = subprocess.Popen([SERVER, f"--fd={listener.fileno()}", "-f", "-o", f"source={folder}", "-o",
                                   "sandbox=chroot", "-o", "log_level=err"], pass_fds=[listener.fileno()],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.kill()
        server.wait()


def check_folder(machine, tag, folder, content, entries):
    with open(os.path.join(folder, "from-guest.txt"), "rb") as file:
        found = file.read()
    require(found == content + LINE, "the kernel's file is not the host's with one more line")
    require(len(os.listdir(folder)) == entries + 1, f"entries in the folder: {os.listdir(folder)}")
    said = [tag, str(entries), str(len(found)), f"0x{zlib.adler32(found):x}"]
    require(said in machine.all("share"), f"shared: {machine.all('share')}, not {said}")
    return len(found)


def check_scsi(machine, image, original):
    """Returns the numbers of sectors that were written and read."""
    require(machine.all("scsi") == [["1", "0", str(SECTORS), "VPT1"]], f"SCSI disks: {machine.all('scsi')}")
    seed = int.from_bytes(original[:8], "little")
    expected, size, wrote, read = bytearray(original), host.SECTOR, 0, 0
    for sector, count in machine.numbers("scsi-wrote"):
        expected[sector * size:(sector + count) * size] = host.pattern(seed, sector, count)
        wrote += count
    for sector, count, said in machine.all("scsi-read"):
        data = original[int(sector) * size:(int(sector) + int(count)) * size]
        require(host.checksum(data) == int(said, 16), f"read something else than the {count} sectors from {sector} on")
        read += int(count)
    with open(image, "rb") as file:
        require(file.read() == expected, "the SCSI disk's image is not what the kernel says")
    require(wrote > 0 and read > 0, "no sectors written, or none read")
    return wrote, read


def check_balloon(machine):
    require(machine.numbers("balloon") == [[PAGES, PAGES, PAGES]], f"the balloon: {machine.all('balloon')}")
    sizes = [event["data"]["actual"] for event in machine.events if event.get("event") == "BALLOON_CHANGE"]
    require(MEMORY - PAGES * 4096 in sizes, f"QEMU has seen these sizes of the memory: {sizes}")


def check(arguments):
    image, disk, server = (os.path.join(arguments.directory, name) for name in ("scsi.img", "disk.img", "server"))
    original = random.randbytes(SECTORS * host.SECTOR)
    folders = [(tag, os.path.join(arguments.directory, tag)) for tag in ("9p", "virtiofs")]
    contents = [make_folder(folder) for _, folder in folders]
    for name, data in (image, original), (disk, bytes(host.SECTORS * host.SECTOR)):
        with open(name, "wb") as file:
            file.write(data)
    devices = ["virtio-rng,rng=source", "virtio-blk,drive=disk", "virtio-balloon", "virtio-scsi,id=scsi",
               "virtio-9p,fsdev=share,mount_tag=9p", "vhost-user-fs,chardev=server,tag=virtiofs,queue-size=64"]
    options = ["-drive", f"if=none,id=disk,format=raw,file={disk}", "-object", "rng-builtin,id=source",
               "-drive", f"if=none,id=scsidisk,format=raw,file={image}",
               "-fsdev", f"local,id=share,path={folders[0][1]},security_model=none",
               "-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on", "-machine", "memory-backend=memory",
               "-chardev", f"socket,id=server,path={server}"]
    with served(folders[1][1], server), Machine(arguments, devices, options,
                 ["scsi-hd,drive=scsidisk,bus=scsi.0,scsi-id=1,lun=0,serial=VPT1"]) as machine:
        machine.execute("balloon", value=MEMORY - PAGES * 4096)
        machine.end()
        check_balloon(machine)
        wrote, read = check_scsi(machine, image, original)
        sizes = [check_folder(machine, *folder, *content) for folder, content in zip(folders, contents)]
    return (f"{arguments.ring} rings, {PAGES} pages of memory given back and taken again; on a SCSI disk {wrote} "
            f"sectors written and {read} others read, image checked; in folders of the host's by 9P and by virtiofs "
            f"{contents[0][1]} and {contents[1][1]} entries listed, a file read, one of {sizes[0]} and {sizes[1]} "
            f"bytes made, all compared")


if __name__ == "__main__":
    run(__doc__, check)
