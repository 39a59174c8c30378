"""A reader of /tmp/vrift-manifest.mmap written from the specification, section 7, alone (hash of the key, 0 empty,
1 deleted, linear probing; docs/index-format.md for the bloom filter). Prints one JSON line for each key on stdin:

    {"key":…, "bloom":bool, "stat":null or {"size","mtime","mtime_nsec","mode","flags"}, "children":null or {name: is_dir}}
"""
import json
import mmap
import struct
import sys

HEADER = struct.Struct("<10I")
STAT = struct.Struct("<QQqqII")
DIR_INDEX = struct.Struct("<QII")
CHILD = struct.Struct("<128sIB3s")
assert (HEADER.size, STAT.size, DIR_INDEX.size, CHILD.size) == (40, 40, 16, 136)


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return 2 if value < 2 else value


class Export:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        (magic, version, self.entry_count, self.bloom, self.table, self.capacity, self.dirs, self.dir_capacity,
         self.children, self.children_count) = HEADER.unpack_from(self.map, 0)
        assert magic == 0x504D4D56 and version == 1
        assert len(self.map) == self.children + self.children_count * CHILD.size
        assert self.table - self.bloom >= 32768

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

    def stat(self, key):
        return self.find(STAT, self.table, self.capacity, fnv1a(key))

    def may_exist(self, key):
        value = fnv1a(key)
        low, high = value & 0xFFFFFFFF, value >> 32
        bits = [(low + i * high) % 2**32 % 262144 for i in range(4)]
        return all(self.map[self.bloom + (bit >> 3)] >> (bit & 7) & 1 for bit in bits)

    def list(self, key):
        found = self.find(DIR_INDEX, self.dirs, self.dir_capacity, fnv1a(key))
        if found is None:
            return None
        _, start, count = found[1]
        names = {}
        for index in range(start, start + count):
            name, stat_index, is_dir, _ = CHILD.unpack_from(self.map, self.children + index * CHILD.size)
            name = name.split(b"\0", 1)[0]
            path = key + b"/" + name if key else name
            assert self.stat(path)[0] == stat_index, path
            names[name.decode()] = bool(is_dir)
        assert len(names) == count
        return names

    def used(self):
        return sum(STAT.unpack_from(self.map, self.table + i * STAT.size)[0] > 1 for i in range(self.capacity))


export = Export(sys.argv[1])
assert export.used() == export.entry_count <= export.capacity * 3 // 4
for line in sys.stdin:
    key = json.loads(line)
    found = export.stat(key.encode())
    stat = None if found is None else dict(zip(("size", "mtime", "mtime_nsec", "mode", "flags"), found[1][1:]))
    print(json.dumps({"key": key, "bloom": export.may_exist(key.encode()), "stat": stat,
                      "children": export.list(key.encode())}))
