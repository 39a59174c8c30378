"""A live reader of the version-1 export, written from the specification, section 7, and docs/index-format.md alone.

Each line on stdin is {"key": …, "size": number or null}: it looks until the key has that size (null: until it is absent) and
prints {"at_ns": CLOCK_MONOTONIC, "listed": bool, "kept": bool}: when that was, whether its directory lists the name, and
whether it was seen through the mapping of the line before. A mapping is given up when its file does not have the name any more.
"""
import json
import mmap
import os
import struct
import sys
import time

HEADER = struct.Struct("<10I")
STAT = struct.Struct("<QQqqII")
DIR_INDEX = struct.Struct("<QII")
CHILD = struct.Struct("<128sIB3s")


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return 2 if value < 2 else value


class Export:
    def __init__(self, path):
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.file = (status.st_dev, status.st_ino)
        (magic, version, _, self.bloom, self.table, self.capacity, self.dirs, self.dir_capacity, self.children,
         self.children_count) = HEADER.unpack_from(self.map, 0)
        assert magic == 0x504D4D56 and version == 1
        assert len(self.map) == self.children + self.children_count * CHILD.size, "half a file"

    def find(self, record, offset, capacity, wanted):
        slot = wanted & (capacity - 1)
        for _ in range(capacity):
            fields = record.unpack_from(self.map, offset + slot * record.size)
            if fields[0] == 0:
                return None
            if fields[0] == wanted:
                return slot, fields
            slot = (slot + 1) & (capacity - 1)
        return None

    def may_exist(self, key):
        value = fnv1a(key)
        low, high = value & 0xFFFFFFFF, value >> 32
        bits = [(low + i * high) % 2**32 % 262144 for i in range(4)]
        return all(self.map[self.bloom + (bit >> 3)] >> (bit & 7) & 1 for bit in bits)

    def size(self, key):
        found = self.find(STAT, self.table, self.capacity, fnv1a(key))
        if found is None:
            return None
        assert self.may_exist(key), key
        # One version number in every field the layout has: an answer read twice alike is one of them.
        size, mtime, nsec = found[1][1:4]
        if (mtime, nsec) != (size, size % 1000):
            return -1
        return size

    def is_listed(self, key):
        parent, _, name = key.rpartition(b"/")
        found = self.find(DIR_INDEX, self.dirs, self.dir_capacity, fnv1a(parent))
        assert found is not None, parent
        _, start, count = found[1]
        for index in range(start, start + count):
            if CHILD.unpack_from(self.map, self.children + index * CHILD.size)[0].split(b"\0", 1)[0] == name:
                return True
        return False


path = sys.argv[1]
export = Export(path)
print("{}", flush=True)
for line in sys.stdin:
    wanted = json.loads(line)
    key = wanted["key"].encode()
    kept = True
    while export.size(key) != wanted["size"]:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            continue
        if (status.st_dev, status.st_ino) != export.file:
            export = Export(path)
            kept = False
    print(json.dumps({"at_ns": str(time.monotonic_ns()), "listed": export.is_listed(key), "kept": kept}), flush=True)
