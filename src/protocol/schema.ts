/**
 * Every message and structure of the specification, sections 3 to 5, declared once. Types (messages.ts), encoder,
 * decoder and JSON form are made from these tables. Tags are the order of the specification's listings, written out
 * because they are the wire; fields are in wire order.
 */

/** `hash` is [u8; 32]; `bytes` is Vec<u8>; `pair` is a tuple of two. */
export type WireType =
  | "bool"
  | "u16"
  | "u32"
  | "i32"
  | "u64"
  | "string"
  | "bytes"
  | "hash"
  | { readonly option: WireType }
  | { readonly list: WireType }
  | { readonly pair: readonly [WireType, WireType] }
  | { readonly struct: StructName };

export type Fields = Readonly<Record<string, WireType>>;

export type StructName = "VnodeEntry" | "DirEntry";

export interface MessageShape {
  readonly tag: number;
  readonly fields: Fields;
  /** Rust's tuple form with one member, `Error(String)`: same bytes, other JSON. */
  readonly newtype?: true;
}

export interface RequestShape extends MessageShape {
  /** What may answer it, besides Error. */
  readonly replies: readonly ResponseName[];
}

export const structs = {
  VnodeEntry: {
    /** BLAKE3. Zero for a directory; of the target for a symbolic link. */
    content_hash: "hash",
    /** Bytes; 0 for a directory, of the target for a symbolic link. */
    size: "u64",
    /** Nanoseconds since 1970; what is before that is 0 on the wire. */
    mtime: "u64",
    /** st_mode & 07777; the type is in `flags`. */
    mode: "u32",
    /** 0x01 directory, 0x02 symbolic link. */
    flags: "u16",
  },
  DirEntry: {
    name: "string",
    is_dir: "bool",
  },
} as const satisfies Readonly<Record<StructName, Fields>>;

const path = { path: "string" } as const;

export const requests = {
  Handshake: { tag: 0, fields: { client_version: "string" }, replies: ["HandshakeAck"] },
  Status: { tag: 1, fields: {}, replies: ["StatusAck"] },
  RegisterWorkspace: { tag: 2, fields: { project_root: "string" }, replies: ["RegisterAck"] },

  ManifestGet: { tag: 3, fields: path, replies: ["ManifestAck"] },
  ManifestUpsert: { tag: 4, fields: { ...path, entry: { struct: "VnodeEntry" } }, replies: ["ManifestAck"] },
  ManifestRemove: { tag: 5, fields: path, replies: ["ManifestAck"] },
  ManifestRename: { tag: 6, fields: { old_path: "string", new_path: "string" }, replies: ["ManifestAck"] },
  ManifestUpdateMtime: { tag: 7, fields: { ...path, mtime_ns: "u64" }, replies: ["ManifestAck"] },
  ManifestReingest: { tag: 8, fields: { vpath: "string", temp_path: "string" }, replies: ["ManifestAck"] },
  ManifestListDir: { tag: 9, fields: path, replies: ["ManifestListAck"] },

  CasInsert: { tag: 10, fields: { hash: "hash", size: "u64" }, replies: ["CasAck"] },
  CasGet: { tag: 11, fields: { hash: "hash" }, replies: ["CasFound", "CasNotFound"] },
  CasSweep: { tag: 12, fields: { bloom_filter: "bytes" }, replies: ["CasSweepAck"] },

  FlockAcquire: { tag: 13, fields: { ...path, operation: "i32" }, replies: ["FlockAck"] },
  FlockRelease: { tag: 14, fields: path, replies: ["FlockAck"] },

  Spawn: {
    tag: 15,
    fields: { command: { list: "string" }, env: { list: { pair: ["string", "string"] } }, cwd: "string" },
    replies: ["SpawnAck"],
  },
  Protect: {
    tag: 16,
    fields: { ...path, immutable: "bool", owner: { option: "string" } },
    replies: ["ProtectAck"],
  },
} as const satisfies Readonly<Record<string, RequestShape>>;

export const responses = {
  HandshakeAck: { tag: 0, fields: { server_version: "string" } },
  StatusAck: { tag: 1, fields: { status: "string" } },
  RegisterAck: { tag: 2, fields: { workspace_id: "string" } },
  CasAck: { tag: 3, fields: {} },
  ProtectAck: { tag: 4, fields: {} },
  FlockAck: { tag: 5, fields: {} },

  ManifestAck: { tag: 6, fields: { entry: { option: { struct: "VnodeEntry" } } } },
  ManifestListAck: { tag: 7, fields: { entries: { list: { struct: "DirEntry" } } } },

  CasFound: { tag: 8, fields: { size: "u64" } },
  CasNotFound: { tag: 9, fields: {} },
  CasSweepAck: { tag: 10, fields: { deleted_count: "u32", reclaimed_bytes: "u64" } },

  SpawnAck: { tag: 11, fields: { pid: "u32" } },

  Error: { tag: 12, fields: { message: "string" }, newtype: true },
} as const satisfies Readonly<Record<string, MessageShape>>;

export type RequestName = keyof typeof requests;
export type ResponseName = keyof typeof responses;

export type MessageKind = "request" | "response";

/** Shapes by name and by tag, for interpreters. */
export interface MessageTable {
  /** The Rust enum's name, for errors. */
  readonly title: string;
  readonly byName: ReadonlyMap<string, MessageShape>;
  readonly byTag: readonly (readonly [name: string, shape: MessageShape])[];
}

export const messageTables: Readonly<Record<MessageKind, MessageTable>> = {
  request: messageTable("VeloRequest", requests),
  response: messageTable("VeloResponse", responses),
};

function messageTable(title: string, shapes: Readonly<Record<string, MessageShape>>): MessageTable {
  const byTag: (readonly [string, MessageShape])[] = [];
  for (const [name, shape] of Object.entries(shapes)) byTag[shape.tag] = [name, shape];
  return { title, byName: new Map(Object.entries(shapes)), byTag };
}
