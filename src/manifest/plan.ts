/**
 * What the changes of one `apply` come to: a list of (parent, name) := record or nothing. Planned in full before anything
 * is changed, so that a refused change refuses them all.
 */
import { VriftError } from "../platform/errors.js";
import { RESERVED_IDS, checkName } from "./keys.js";
import { type EntryId, type ManifestChange, type ManifestRecord, ROOT_ID, ROOT_PARENT } from "./manifest.js";
import { Overlay, type OverlayValue } from "./overlay.js";

export interface Edit {
  readonly parent: EntryId;
  readonly name: string;
  readonly value: OverlayValue;
}

export interface Plan {
  readonly edits: readonly Edit[];
  /** Entries more (or fewer) than before. */
  readonly countDelta: number;
  /** The highest id a record of the plan has; 0 for none. */
  readonly highestId: EntryId;
  /** A directory went, became something else, came to another place or got another identity. */
  readonly directoriesMoved: boolean;
}

type Lookup = (parent: EntryId, name: string) => ManifestRecord | undefined;

const FLAG_DIR = 0x01;

export function isDirectory(record: ManifestRecord): boolean {
  return (record.flags & FLAG_DIR) !== 0;
}

/** EINVAL, ENAMETOOLONG, EILSEQ for names; ENOENT for a move of nothing. */
export function planChanges(changes: readonly ManifestChange[], lookup: Lookup): Plan {
  const staged = new Overlay();
  let countDelta = 0;
  let highestId = 0n;
  let directoriesMoved = false;

  const current = (parent: EntryId, name: string): ManifestRecord | undefined => {
    const value = staged.get(parent, name);
    return value === undefined ? lookup(parent, name) : (value ?? undefined);
  };
  const set = (parent: EntryId, name: string, value: OverlayValue): void => {
    const before = current(parent, name);
    countDelta += (value ? 1 : 0) - (before ? 1 : 0);
    const isSame = value !== null && value.id === before?.id && isDirectory(value);
    if (before && isDirectory(before) && !isSame) directoriesMoved = true;
    staged.set(parent, name, value);
  };

  for (const change of changes) {
    checkPlace(change.parent, change.name);
    switch (change.type) {
      case "put":
        checkRecord(change.record);
        if (change.record.id > highestId) highestId = change.record.id;
        // The caller's hash may be a view of a buffer that is used again.
        set(change.parent, change.name, { ...change.record, hash: new Uint8Array(change.record.hash) });
        break;
      case "remove":
        if (current(change.parent, change.name)) set(change.parent, change.name, null);
        break;
      case "move": {
        checkPlace(change.toParent, change.toName);
        const record = current(change.parent, change.name);
        if (!record)
          throw new VriftError("ENOENT", `no entry ${change.name} to move in directory ${change.parent}`);
        if (change.parent === change.toParent && change.name === change.toName) break;
        set(change.parent, change.name, null);
        set(change.toParent, change.toName, record);
        break;
      }
    }
  }
  const edits = [...staged].map(([parent, name, value]) => ({ parent, name, value }));
  return { edits, countDelta, highestId, directoriesMoved };
}

function checkPlace(parent: EntryId, name: string): void {
  if (parent === ROOT_PARENT && name === "") return;
  if (parent < ROOT_ID || parent >= RESERVED_IDS)
    throw new VriftError("EINVAL", `${parent} is not a directory's id`);
  checkName(name);
}

function checkRecord(record: ManifestRecord): void {
  if (record.id < ROOT_ID || record.id >= RESERVED_IDS) {
    throw new VriftError("EINVAL", `${record.id} is not an entry's id`);
  }
}
