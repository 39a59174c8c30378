"""A client of vriftd written from the specification alone, on a raw socket.

    python3 vrift_client.py decode request|response     hex lines on stdin; one line of JSON each, as `vrift debug decode`
                                                         prints them, but for the text of errors
    python3 vrift_client.py talk SOCKET                  requests in the same form on stdin are sent, all before a reply is
                                                         read; one line each for the replies.
"""
import json
import socket
import struct
import sys

import vrift_wire as wire


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def send(self, name, fields=None):
        payload = wire.encode("request", name, fields)
        self.socket.sendall(struct.pack("<I", len(payload)) + payload)

    def receive(self):
        (length,) = struct.unpack("<I", self.exactly(4))
        return wire.decode("response", self.exactly(length))

    def exactly(self, count):
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                raise EOFError(f"the daemon closed the connection after {len(data)} of {count} bytes")
            data += chunk
        return data

    def call(self, name, **fields):
        self.send(name, fields or None)
        return self.receive()


def answer(kind, line):
    try:
        name, fields = wire.decode(kind, bytes.fromhex(line))
    except (wire.Malformed, ValueError) as error:
        return {"ok": False, "error": str(error)}
    again = wire.encode(kind, name, fields).hex()
    return {"ok": True, "message": wire.to_json(kind, name, fields), "again": again}


def main(mode, argument):
    if mode == "decode":
        for line in sys.stdin:
            print(json.dumps(answer(argument, line.rstrip("\n"))))
        return
    client = Client(argument)
    requests = [wire.from_json("request", json.loads(line)) for line in sys.stdin]
    for request in requests:
        client.send(*request)
    for _ in requests:
        print(json.dumps(wire.to_json("response", *client.receive())))


if __name__ == "__main__":
    main(*sys.argv[1:])
