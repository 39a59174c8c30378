/**
 * A WorkspaceAccess of a few lines for tests of the tree procedures by themselves: entries in an append-only file with
 * fsync, so that it survives a kill of its process as the daemon's manifest does. The real one is Workspace.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { VriftError } from "../../src/platform/errors.js";
import { makeDirectory, writeAll } from "../../src/platform/files.js";
import { type Home, projectPaths, workspacePaths } from "../../src/platform/paths.js";
import type { Refusal, WorkspaceAccess } from "../../src/tree/access.js";
import { permissions, statFile } from "../../src/workspace/stat-file.js";
import { isWhitedOut, readWhiteouts, removeWhiteout } from "../../src/workspace/whiteouts.js";
import type { AdoptEntry, ResyncReport, WorkspaceInfo } from "../../src/workspace/workspace.js";

export class FileAccess implements WorkspaceAccess {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  async open(root: string, options: { readonly phantom?: boolean } = {}): Promise<WorkspaceInfo> {
    const { run, index } = workspacePaths(this.#home, idOf(root));
    makeDirectory(run);
    const project = projectPaths(root);
    if (options.phantom && !statFile(project.workspaceFile)) {
      for (const directory of [project.dir, project.staging, project.whiteouts]) makeDirectory(directory);
      writeFileSync(project.workspaceFile, idOf(root));
    }
    const entries = this.#read(root);
    const bytes = [...entries.values()].reduce((sum, { size }) => sum + BigInt(size), 0n);
    const kind = statFile(project.workspaceFile) ? "phantom" : "solid";
    return {
      ...{ id: idOf(root), root, kind, run, index },
      ...{ entries: entries.size, virtualEntries: entries.size, virtualBytes: String(bytes) },
    };
  }

  async adopt(
    root: string,
    entries: readonly AdoptEntry[],
    as: "virtual" | "backed",
  ): Promise<readonly Refusal[]> {
    const refused: Refusal[] = [];
    const taken = entries.filter(({ path, size, mtimeNs, mode }) => {
      const stat = statFile(join(root, path));
      if (!stat && as === "virtual") return true;
      if (
        stat &&
        String(stat.size) === size &&
        String(stat.mtimeNs) === mtimeNs &&
        permissions(stat) === mode
      )
        return true;
      refused.push({ path, reason: "EBUSY: changed" });
      return false;
    });
    if (as === "virtual")
      this.#append(
        root,
        taken.map((entry) => JSON.stringify(entry)),
      );
    return refused;
  }

  async entries(root: string, after: string, limit: number): Promise<readonly AdoptEntry[]> {
    const keys = [...this.#read(root).entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    return keys
      .filter(([key]) => key > after)
      .slice(0, limit)
      .map(([, entry]) => entry);
  }

  async sync(root: string): Promise<ResyncReport> {
    const whiteouts = readWhiteouts(projectPaths(root).whiteouts);
    const whitedOut = new Set(whiteouts.map(({ key }) => key));
    const ended: string[] = [];
    let removed = 0;
    for (const key of this.#read(root).keys()) {
      const physical = statFile(join(root, key)) !== undefined;
      if (!physical && !isWhitedOut(whitedOut, key)) continue;
      if (!physical) removed += 1;
      ended.push(key);
    }
    this.#append(
      root,
      ended.map((key) => JSON.stringify({ end: key })),
    );
    whiteouts.forEach(removeWhiteout);
    return { added: 0, removed, becameBacked: ended.length - removed, whiteouts: whiteouts.length };
  }

  /** It knows virtual files only. */
  commit(root: string): Promise<never> {
    return Promise.reject(new VriftError("ENOSYS", `${root} is kept in a file`));
  }

  async clone(src: string, dst: string): Promise<WorkspaceInfo> {
    await this.open(dst, { phantom: true });
    this.#append(
      dst,
      [...this.#read(src).values()].map((entry) => JSON.stringify(entry)),
    );
    return await this.open(dst);
  }

  async solidify(root: string): Promise<ResyncReport> {
    const report = await this.sync(root);
    const left = this.#read(root).keys().next();
    if (!left.done) throw new VriftError("EBUSY", `${left.value} has no file`);
    const { dir, staging, whiteouts, workspaceFile } = projectPaths(root);
    rmSync(workspaceFile);
    for (const directory of [staging, whiteouts, dir]) rmdirSync(directory);
    rmSync(this.#file(root), { force: true });
    return report;
  }

  async close(): Promise<void> {}

  #file(root: string): string {
    mkdirSync(this.#home.root, { recursive: true });
    return join(this.#home.root, `${idOf(root)}.entries`);
  }

  #append(root: string, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const fd = openSync(this.#file(root), "a");
    // One write: a line that a kill has cut in two is the last one, and nobody was told of it.
    writeAll(fd, Buffer.from(`\n${lines.join("\n")}\n`));
    fsyncSync(fd);
    closeSync(fd);
  }

  #read(root: string): Map<string, AdoptEntry> {
    const entries = new Map<string, AdoptEntry>();
    if (!statSync(this.#file(root), { throwIfNoEntry: false })) return entries;
    for (const line of readFileSync(this.#file(root), "utf8").split("\n")) {
      let record: AdoptEntry | { end: string };
      try {
        record = JSON.parse(line) as AdoptEntry | { end: string };
      } catch {
        continue;
      }
      if ("end" in record) entries.delete(record.end);
      else entries.set(record.path, record);
    }
    return entries;
  }
}

function idOf(root: string): string {
  return createHash("md5").update(root).digest("hex");
}
