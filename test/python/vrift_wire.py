"""The messages of the specification, sections 3 to 5, in serde + bincode 1.3 form, by hand. Independent of the program's own
tables: tags and fields below were copied from the specification, not generated.

A message is (name, fields): fields a dict in wire order, None for a unit variant, the text itself for Error. Values are int, str,
bytes, bool, None, list, tuple and dict.
"""
import struct


class Malformed(Exception):
    """The bytes are not a message."""


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed(f"{count} bytes at {self.at}, {len(self.data) - self.at} remain")
        self.at += count
        return self.data[self.at - count:self.at]


class Number:
    def __init__(self, form):
        self.form = struct.Struct("<" + form)

    def write(self, value):
        return self.form.pack(value)

    def read(self, reader):
        return self.form.unpack(reader.take(self.form.size))[0]


class Bool:
    def write(self, value):
        return b"\1" if value else b"\0"

    def read(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise Malformed(f"bool byte {byte}")
        return byte == 1


class Bytes:
    """Vec<u8>"""

    def write(self, value):
        return u64.write(len(value)) + value

    def read(self, reader):
        return reader.take(u64.read(reader))


class String:
    def write(self, value):
        return Bytes().write(value.encode())

    def read(self, reader):
        try:
            return Bytes().read(reader).decode("utf-8", "strict")
        except UnicodeDecodeError as error:
            raise Malformed(str(error)) from error


class Hash:
    """[u8; 32]"""

    def write(self, value):
        assert len(value) == 32
        return value

    def read(self, reader):
        return reader.take(32)


class Vec:
    def __init__(self, of):
        self.of = of

    def write(self, values):
        return u64.write(len(values)) + b"".join(self.of.write(value) for value in values)

    def read(self, reader):
        count = u64.read(reader)
        # Each element has at least one byte, so a count that cannot be is found before a list of it is made.
        if count > len(reader.data) - reader.at:
            raise Malformed(f"{count} elements in {len(reader.data) - reader.at} bytes")
        return [self.of.read(reader) for _ in range(count)]


class Option:
    def __init__(self, of):
        self.of = of

    def write(self, value):
        return b"\0" if value is None else b"\1" + self.of.write(value)

    def read(self, reader):
        byte = reader.take(1)[0]
        if byte > 1:
            raise Malformed(f"option byte {byte}")
        return self.of.read(reader) if byte else None


class Pair:
    def __init__(self, first, second):
        self.parts = first, second

    def write(self, value):
        return b"".join(part.write(member) for part, member in zip(self.parts, value, strict=True))

    def read(self, reader):
        return tuple(part.read(reader) for part in self.parts)


class Struct:
    def __init__(self, **fields):
        self.fields = fields

    def write(self, values):
        assert values.keys() == self.fields.keys(), (values.keys(), self.fields.keys())
        return b"".join(of.write(values[name]) for name, of in self.fields.items())

    def read(self, reader):
        return {name: of.read(reader) for name, of in self.fields.items()}


u16, u32, u64, i32 = Number("H"), Number("I"), Number("Q"), Number("i")
string, boolean, hash32, octets = String(), Bool(), Hash(), Bytes()

VnodeEntry = Struct(content_hash=hash32, size=u64, mtime=u64, mode=u32, flags=u16)
DirEntry = Struct(name=string, is_dir=boolean)
UNIT = None

# In the order of the specification: the position is the tag.
REQUESTS = [
    ("Handshake", Struct(client_version=string)),
    ("Status", UNIT),
    ("RegisterWorkspace", Struct(project_root=string)),
    ("ManifestGet", Struct(path=string)),
    ("ManifestUpsert", Struct(path=string, entry=VnodeEntry)),
    ("ManifestRemove", Struct(path=string)),
    ("ManifestRename", Struct(old_path=string, new_path=string)),
    ("ManifestUpdateMtime", Struct(path=string, mtime_ns=u64)),
    ("ManifestReingest", Struct(vpath=string, temp_path=string)),
    ("ManifestListDir", Struct(path=string)),
    ("CasInsert", Struct(hash=hash32, size=u64)),
    ("CasGet", Struct(hash=hash32)),
    ("CasSweep", Struct(bloom_filter=octets)),
    ("FlockAcquire", Struct(path=string, operation=i32)),
    ("FlockRelease", Struct(path=string)),
    ("Spawn", Struct(command=Vec(string), env=Vec(Pair(string, string)), cwd=string)),
    ("Protect", Struct(path=string, immutable=boolean, owner=Option(string))),
]
RESPONSES = [
    ("HandshakeAck", Struct(server_version=string)),
    ("StatusAck", Struct(status=string)),
    ("RegisterAck", Struct(workspace_id=string)),
    ("CasAck", UNIT),
    ("ProtectAck", UNIT),
    ("FlockAck", UNIT),
    ("ManifestAck", Struct(entry=Option(VnodeEntry))),
    ("ManifestListAck", Struct(entries=Vec(DirEntry))),
    ("CasFound", Struct(size=u64)),
    ("CasNotFound", UNIT),
    ("CasSweepAck", Struct(deleted_count=u32, reclaimed_bytes=u64)),
    ("SpawnAck", Struct(pid=u32)),
    ("Error", string),
]
TABLES = {"request": REQUESTS, "response": RESPONSES}
assert (len(REQUESTS), len(RESPONSES)) == (17, 13)


def encode(kind, name, fields=None):
    names = [known for known, _ in TABLES[kind]]
    tag = names.index(name)
    shape = TABLES[kind][tag][1]
    return u32.write(tag) + (b"" if shape is UNIT else shape.write(fields))


def decode(kind, payload):
    """(name, fields). Like bincode::deserialize, bytes after a complete message are ignored."""
    reader = Reader(payload)
    tag = u32.read(reader)
    if tag >= len(TABLES[kind]):
        raise Malformed(f"tag {tag}")
    name, shape = TABLES[kind][tag]
    return name, None if shape is UNIT else shape.read(reader)


def to_json(kind, name, fields):
    """What serde_json prints, except that u64 are decimal strings and bytes lower-case hexadecimal."""
    shape = dict(TABLES[kind])[name]
    return name if shape is UNIT else {name: json_of(shape, fields)}


def json_of(shape, value):
    if shape is u64:
        return str(value)
    if isinstance(shape, (Bytes, Hash)):
        return value.hex()
    if isinstance(shape, Struct):
        return {name: json_of(of, value[name]) for name, of in shape.fields.items()}
    if isinstance(shape, Vec):
        return [json_of(shape.of, member) for member in value]
    if isinstance(shape, Pair):
        return [json_of(of, member) for of, member in zip(shape.parts, value)]
    if isinstance(shape, Option):
        return None if value is None else json_of(shape.of, value)
    return value


def from_json(kind, message):
    """The other way round: (name, fields)."""
    if isinstance(message, str):
        return message, None
    ((name, fields),) = message.items()
    return name, value_of(dict(TABLES[kind])[name], fields)


def value_of(shape, value):
    if shape is u64:
        return int(value)
    if isinstance(shape, (Bytes, Hash)):
        return bytes.fromhex(value)
    if isinstance(shape, Struct):
        return {name: value_of(of, value[name]) for name, of in shape.fields.items()}
    if isinstance(shape, Vec):
        return [value_of(shape.of, member) for member in value]
    if isinstance(shape, Pair):
        return tuple(value_of(of, member) for of, member in zip(shape.parts, value))
    if isinstance(shape, Option):
        return None if value is None else value_of(shape.of, value)
    return value
