"""The filter of CasSweep written from docs/protocol.md alone. `make SEED` prints vectors, one JSON line each:

    {"hashes": [64 hex, …], "length": bytes, "filter": hex, "absent": [hashes the filter does not name]}

`check` reads such lines on stdin and ends with 1 at the first one that is not so.
"""
import json
import random
import struct
import sys


def positions(digest, length):
    return [word % (8 * length) for word in struct.unpack("<8I", digest)]


def build(hashes, length):
    filter_ = bytearray(length)
    for digest in hashes if length else []:
        for bit in positions(digest, length):
            filter_[bit >> 3] |= 1 << (bit & 7)
    return bytes(filter_)


def names(filter_, digest):
    if not filter_:
        return False
    return all(filter_[bit >> 3] >> (bit & 7) & 1 for bit in positions(digest, len(filter_)))


def make(seed):
    rng = random.Random(seed)
    for count, length in [(0, 0), (1, 1), (1, 2), (1, 3), (1, 64), (3, 5), (7, 13), (40, 80), (100, 150), (500, 1000)]:
        hashes = [rng.randbytes(32) for _ in range(count)]
        if count == 3:
            hashes = [b"\0" * 32, b"\xff" * 32, bytes(range(32))]
        filter_ = build(hashes, length)
        absent = [digest for digest in (rng.randbytes(32) for _ in range(8)) if not names(filter_, digest)]
        print(json.dumps({"hashes": [h.hex() for h in hashes], "length": length, "filter": filter_.hex(),
                          "absent": [h.hex() for h in absent]}))


def check():
    count = 0
    for number, line in enumerate(sys.stdin, 1):
        vector = json.loads(line)
        hashes = [bytes.fromhex(h) for h in vector["hashes"]]
        filter_ = bytes.fromhex(vector["filter"])
        good = len(filter_) == vector["length"] and build(hashes, len(filter_)) == filter_
        good = good and all(names(filter_, h) for h in hashes) is (bool(filter_) or not hashes)
        good = good and not any(names(filter_, bytes.fromhex(h)) for h in vector["absent"])
        if not good:
            sys.exit(f"line {number} is not what the documentation says")
        count += 1
    print(count)


if sys.argv[1] == "make":
    make(int(sys.argv[2]))
else:
    check()
