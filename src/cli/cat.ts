import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { VriftError } from "../platform/errors.js";
import { isErrno } from "../platform/files.js";
import { FLAG_DIR } from "../protocol/messages.js";
import { rootOption } from "./command.js";
import type { Command, Context } from "./command.js";
import { locate } from "./located.js";
import type { Located } from "./located.js";
import { withClient } from "./with-client.js";

const CHUNK = 1 << 20;

export const cat: Command = {
  name: "cat",
  summary: "print a file's content, from the tree or from the store",
  usage: ["cat PATH"],
  options: { ...rootOption },
  positionals: [1, 1],
  async run(context) {
    const place = locate(context, context.positionals[0] ?? "");
    const fd = openPhysical(place) ?? (await openVirtual(context, place));
    try {
      copyOut(fd, context.write);
    } finally {
      closeSync(fd);
    }
    return { data: null, text: "" };
  },
};

/** A physical file always wins. */
function openPhysical({ root, key }: Located): number | undefined {
  try {
    const fd = openSync(join(root, key), "r");
    if (!fstatSync(fd).isDirectory()) return fd;
    closeSync(fd);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  throw new VriftError("EISDIR", `${join(root, key)} is a directory`);
}

async function openVirtual(context: Context, { root, key }: Located): Promise<number> {
  return withClient(context, root, async (client) => {
    const entry = await client.get(key);
    if (!entry) throw new VriftError("ENOENT", `the workspace ${root} has no ${key}`);
    if (entry.flags & FLAG_DIR) throw new VriftError("EISDIR", `${join(root, key)} is a directory`);
    const [{ storeLayout }, { openBlob }] = await Promise.all([
      import("../store/blob-names.js"),
      import("../store/export.js"),
    ]);
    return await openBlob(
      storeLayout(context.home.source),
      { hash: entry.content_hash, size: entry.size },
      key,
    );
  });
}

function copyOut(fd: number, write: Context["write"]): void {
  const chunk = Buffer.allocUnsafe(CHUNK);
  for (;;) {
    const count = readSync(fd, chunk);
    if (count === 0) return;
    write(chunk.subarray(0, count));
  }
}
