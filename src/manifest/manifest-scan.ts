/**
 * The committed entries of a manifest for a second thread of its owner's process, which changes nothing meanwhile: lmdb-js shares one
 * environment between the threads of a process. What is in the journal only is not seen: sync first.
 *
 * Entries are given as their bytes (record-codec.ts): a million records made into objects take longer than all the rest.
 */
import { LmdbTable } from "./lmdb-table.js";
import { type EntryId, ROOT_ID, ROOT_PARENT } from "./manifest.js";
import { checkRecordBytes, recordFields } from "./record-codec.js";

/** Specification: 0x01 of flags. */
const DIRECTORY = 0x01;

export interface ManifestScan {
  /** The last change that is committed. */
  readonly sequence: bigint;
  /**
   * Every entry, a directory before what is in it; the root has an empty `name`. `above` is the directory's key with a slash behind it, empty for
   * the root's. The bytes are valid during the call. VRIFT_DAMAGED.
   */
  visit(visitor: (above: Uint8Array, name: Uint8Array, record: Buffer) => void): void;
  close(): Promise<void>;
}

export function scanManifest(directory: string): ManifestScan {
  const table = new LmdbTable(directory, { sequence: 0n, count: 0, nextId: ROOT_ID + 1n });
  return {
    sequence: table.state.sequence,
    visit(visitor) {
      table.visit(ROOT_PARENT, (name, record) => {
        checkRecordBytes(record);
        if (name.length === 0) visitor(name, name, record);
      });
      const open: { id: EntryId; above: Uint8Array }[] = [{ id: ROOT_ID, above: new Uint8Array() }];
      for (let next = open.pop(); next; next = open.pop()) {
        const { id, above } = next;
        table.visit(id, (name, record) => {
          checkRecordBytes(record);
          visitor(above, name, record);
          if ((record.readUInt16LE(recordFields.flags) & DIRECTORY) === 0) return;
          open.push({
            id: record.readBigUInt64LE(recordFields.id),
            above: Buffer.concat([above, name, Buffer.from("/")]),
          });
        });
      }
    },
    close: () => table.close(),
  };
}
