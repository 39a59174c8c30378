/**
 * The changes of one `apply` as the payload of one journal record: a u8 type each, ids as u64, names and texts as a
 * length and UTF-8, little-endian.
 *
 *   1 put: parent, name, record · 2 remove: parent, name · 3 move: parent, name, to parent, to name · 4 meta: name, value
 */
import { VriftError } from "../platform/errors.js";
import type { ManifestChange } from "./manifest.js";
import { readRecord, recordSize, writeRecord } from "./record-codec.js";

export interface MetaChange {
  readonly type: "meta";
  readonly name: string;
  readonly value: string;
}
export type JournaledChange = ManifestChange | MetaChange;

const PUT = 1;
const REMOVE = 2;
const MOVE = 3;
const META = 4;

export function encodeChanges(changes: readonly JournaledChange[]): Buffer {
  const bytes = Buffer.allocUnsafe(changes.reduce((sum, change) => sum + changeSize(change), 0));
  let at = 0;
  for (const change of changes) at = writeChange(change, bytes, at);
  return bytes.subarray(0, at);
}

export function decodeChanges(bytes: Buffer): JournaledChange[] {
  const changes: JournaledChange[] = [];
  const cursor = { bytes, at: 0 };
  try {
    while (cursor.at < bytes.length) changes.push(readChange(cursor));
  } catch (error) {
    if (error instanceof VriftError) throw error;
    throw new VriftError("VRIFT_DAMAGED", "a journal record cannot be read", { cause: error });
  }
  return changes;
}

function textSize(text: string): number {
  return 4 + Buffer.byteLength(text);
}

function changeSize(change: JournaledChange): number {
  switch (change.type) {
    case "put":
      return 9 + textSize(change.name) + recordSize(change.record);
    case "remove":
      return 9 + textSize(change.name);
    case "move":
      return 17 + textSize(change.name) + textSize(change.toName);
    case "meta":
      return 1 + textSize(change.name) + textSize(change.value);
  }
}

function writeText(text: string, target: Buffer, at: number): number {
  const length = target.write(text, at + 4);
  target.writeUInt32LE(length, at);
  return at + 4 + length;
}

function writeChange(change: JournaledChange, target: Buffer, start: number): number {
  let at = start + 1;
  switch (change.type) {
    case "put":
      target.writeUInt8(PUT, start);
      at = target.writeBigUInt64LE(change.parent, at);
      at = writeText(change.name, target, at);
      return writeRecord(change.record, target, at);
    case "remove":
      target.writeUInt8(REMOVE, start);
      at = target.writeBigUInt64LE(change.parent, at);
      return writeText(change.name, target, at);
    case "move":
      target.writeUInt8(MOVE, start);
      at = target.writeBigUInt64LE(change.parent, at);
      at = writeText(change.name, target, at);
      at = target.writeBigUInt64LE(change.toParent, at);
      return writeText(change.toName, target, at);
    case "meta":
      target.writeUInt8(META, start);
      at = writeText(change.name, target, at);
      return writeText(change.value, target, at);
  }
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function readId(cursor: Cursor): bigint {
  const id = cursor.bytes.readBigUInt64LE(cursor.at);
  cursor.at += 8;
  return id;
}

function readText(cursor: Cursor): string {
  const length = cursor.bytes.readUInt32LE(cursor.at);
  const start = cursor.at + 4;
  if (length > cursor.bytes.length - start) throw new RangeError("text past the end of its record");
  cursor.at = start + length;
  return cursor.bytes.toString("utf8", start, cursor.at);
}

function readChange(cursor: Cursor): JournaledChange {
  const type = cursor.bytes.readUInt8(cursor.at++);
  switch (type) {
    case PUT: {
      const parent = readId(cursor);
      const name = readText(cursor);
      const { record, end } = readRecord(cursor.bytes, cursor.at);
      cursor.at = end;
      return { type: "put", parent, name, record };
    }
    case REMOVE:
      return { type: "remove", parent: readId(cursor), name: readText(cursor) };
    case MOVE:
      return {
        type: "move",
        parent: readId(cursor),
        name: readText(cursor),
        toParent: readId(cursor),
        toName: readText(cursor),
      };
    case META:
      return { type: "meta", name: readText(cursor), value: readText(cursor) };
    default:
      throw new RangeError(`change of type ${type}`);
  }
}
