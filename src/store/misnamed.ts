/** A file among the blobs whose name is not a blob's, or not of that directory: its content says what it is. */
import { closeSync, constants, fstatSync, openSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isErrno, makeDirectory } from "../platform/files.js";
import { native } from "../platform/native.js";
import { type StoreLayout, blobDirectory, blobFile, strayFile } from "./blob-names.js";
import { lookUp, makePrivate } from "./blobs.js";
import type { Fault } from "./examine.js";
import { hashFile } from "./hash-file.js";
import type { BlobId } from "./store.js";

/**
 * It becomes the blob that it is, when the store misses that; else it goes to the trash. undefined: it is not there any more.
 * @param name below the directory of blobs.
 */
export async function settleMisnamed(
  layout: StoreLayout,
  name: string,
): Promise<{ readonly fault: Fault; readonly aside: string | null } | undefined> {
  const path = join(layout.blobs, name);
  const id = await contentOf(path);
  if (id === "gone") return undefined;
  if (id !== undefined && id.size > 0n && lookUp(layout, id) === undefined) {
    makeDirectory(blobDirectory(layout, id));
    try {
      native.renameNoReplace(path, blobFile(layout, id));
      // Whoever gave it the wrong name may have it open.
      if (await makePrivate(layout, id)) return { fault: "rightful", aside: null };
      return { fault: "content", aside: null };
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  }
  const aside = strayFile(layout);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    if (isErrno(error, "EROFS", "EACCES", "EPERM")) return { fault: "name", aside: null };
    throw error;
  }
  return { fault: "name", aside };
}

/** undefined for what is no regular file, or cannot be read. */
async function contentOf(path: string): Promise<BlobId | undefined | "gone"> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return isErrno(error, "ENOENT") ? "gone" : undefined;
  }
  try {
    return fstatSync(fd).isFile() ? await hashFile(fd) : undefined;
  } catch (error) {
    if (isErrno(error, "EIO", "EBADMSG", "EUCLEAN")) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}
