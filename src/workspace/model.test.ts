/**
 * Random requests, and changes that programs make beside them, against a tree in memory: what the wire says, what is in the
 * index and what survives a restart are the model's.
 */
import assert from "node:assert/strict";
import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { workspaceFixture } from "../../test/workspace-fixture.js";
import type { Fixture } from "../../test/workspace-fixture.js";
import { hashBytes, hashToHex } from "../platform/hash.js";
import { native } from "../platform/native.js";
import type { VnodeEntry } from "../protocol/messages.js";
import { IndexReader } from "../vdir/index-reader.js";
import { constants } from "../vdir/layout.js";
import { parentKey } from "./physical.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const SEED = Number(process.env["VRIFT_TEST_SEED"] ?? Date.now() % 1_000_000);
const STEPS = Number(process.env["VRIFT_MODEL_STEPS"] ?? 220);
const NAMES = [
  "a",
  "b",
  "c",
  "long-name-that-makes-the-keys-of-a-deep-directory-leave-the-entry-of-the-index",
];
const DEPTH = 3;
const MODES = [0o644, 0o600, 0o755];

interface ModelFile {
  text: string;
  mode: number;
  mtime: bigint;
}
/** By key; `null` is a directory. */
type Model = Map<string, ModelFile | null>;

/** Park-Miller: the same steps again for the same seed. */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed % 2147483646) + 1;
  }
  below(limit: number): number {
    this.#state = (this.#state * 48271) % 2147483647;
    return this.#state % limit;
  }
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
  key(): string {
    return Array.from({ length: 1 + this.below(DEPTH) }, () => this.pick(NAMES)).join("/");
  }
  file(): ModelFile {
    const text = `text ${this.below(1000)}`;
    return {
      text,
      mode: this.pick(MODES),
      mtime: 1_600_000_000_000_000_001n + BigInt(this.below(1_000_000)),
    };
  }
}

class Run {
  readonly #model: Model = new Map([["", null]]);
  readonly #random: Random;
  readonly #t: Fixture;
  readonly #temporary: string;
  #workspace: ProjectWorkspace;
  /** What happened, for the message of a failure. */
  readonly log: string[] = [];

  constructor(t: Fixture, workspace: ProjectWorkspace, temporary: string, seed: number) {
    this.#t = t;
    this.#workspace = workspace;
    this.#temporary = temporary;
    this.#random = new Random(seed);
  }

  async step(): Promise<void> {
    const steps: [weight: number, step: () => Promise<void>][] = [
      [8, () => this.#upsertFile()],
      [3, () => this.#upsertDirectory()],
      [3, () => this.#remove()],
      [8, () => this.#rename()],
      [3, () => this.#updateMtime()],
      [4, () => this.#reingest()],
      [2, () => this.#writeOutside()],
      [1, () => this.#removeOutside()],
      [1, () => this.#renameOutside()],
      [1, () => this.#whiteOut()],
      [1, () => this.#compare()],
      [1, () => this.#reopen()],
    ];
    let at = this.#random.below(steps.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, step] of steps) {
      at -= weight;
      if (at >= 0) continue;
      return step();
    }
  }

  #exists(key: string): boolean {
    return this.#model.has(key);
  }

  #isDir(key: string): boolean {
    return this.#model.get(key) === null;
  }

  #hasChildren(key: string): boolean {
    return [...this.#model.keys()].some((other) => other.startsWith(`${key}/`));
  }

  /** The error that the directories above a key make, as the kernel finds it. */
  #above(key: string): string | undefined {
    const parents: string[] = [];
    for (let parent = parentKey(key); parent !== ""; parent = parentKey(parent)) parents.unshift(parent);
    for (const parent of parents) {
      if (!this.#exists(parent)) return "ENOENT";
      if (!this.#isDir(parent)) return "ENOTDIR";
    }
    return undefined;
  }

  async #expect<T>(what: string, error: string | undefined, call: Promise<T>): Promise<T | undefined> {
    this.log.push(`${what} -> ${error ?? "done"}`);
    if (error === undefined) return call;
    await assert.rejects(call, { code: error }, what);
    return undefined;
  }

  #makeParents(key: string): void {
    for (let parent = parentKey(key); !this.#exists(parent); parent = parentKey(parent))
      this.#model.set(parent, null);
  }

  async #upsertFile(): Promise<void> {
    const key = this.#random.key();
    const file = this.#random.file();
    const above = this.#above(key);
    const error = above === "ENOTDIR" ? above : this.#isDir(key) ? "EISDIR" : undefined;
    const entry = await this.#t.fileEntry(file.text, file.mode, file.mtime);
    const answer = await this.#expect(`upsert ${key}`, error, this.#workspace.upsert(key, entry));
    if (error !== undefined) return;
    assert.deepEqual(answer, entry);
    this.#makeParents(key);
    this.#model.set(key, file);
  }

  async #upsertDirectory(): Promise<void> {
    const key = this.#random.key();
    const above = this.#above(key);
    const error = above === "ENOTDIR" ? above : this.#exists(key) && !this.#isDir(key) ? "EEXIST" : undefined;
    const entry = { content_hash: new Uint8Array(32), size: 0n, mtime: 5n, mode: 0o755, flags: 1 };
    await this.#expect(`mkdir ${key}`, error, this.#workspace.upsert(key, entry));
    if (error !== undefined) return;
    this.#makeParents(key);
    this.#model.set(key, null);
  }

  async #remove(): Promise<void> {
    const key = this.#random.key();
    const error = this.#hasChildren(key) ? "ENOTEMPTY" : undefined;
    await this.#expect(`remove ${key}`, error, this.#workspace.remove(key));
    if (error === undefined) this.#model.delete(key);
  }

  #renameError(from: string, to: string): string | undefined {
    const above = this.#above(from) ?? this.#above(to);
    if (above !== undefined) return above;
    if (!this.#exists(from)) return "ENOENT";
    if (to.startsWith(`${from}/`)) return "EINVAL";
    if (from === to) return undefined;
    if (from.startsWith(`${to}/`)) return "ENOTEMPTY";
    if (!this.#isDir(from)) return this.#isDir(to) ? "EISDIR" : undefined;
    if (this.#exists(to) && !this.#isDir(to)) return "ENOTDIR";
    return this.#hasChildren(to) ? "ENOTEMPTY" : undefined;
  }

  async #rename(): Promise<void> {
    const [from, to] = [this.#random.key(), this.#random.key()];
    const error = this.#renameError(from, to);
    const answer = await this.#expect(`rename ${from} ${to}`, error, this.#workspace.rename(from, to));
    if (error !== undefined) return;
    this.#moveInModel(from, to);
    this.#assertEntry(to, answer ?? null);
  }

  #moveInModel(from: string, to: string): void {
    const moved = [...this.#model].filter(([key]) => key === from || key.startsWith(`${from}/`));
    for (const [key] of moved) this.#model.delete(key);
    for (const [key, value] of moved) this.#model.set(to + key.slice(from.length), value);
  }

  async #updateMtime(): Promise<void> {
    const key = this.#random.key();
    const { mtime } = this.#random.file();
    const error = this.#exists(key) ? undefined : "ENOENT";
    const answer = await this.#expect(`updateMtime ${key}`, error, this.#workspace.updateMtime(key, mtime));
    const file = this.#model.get(key);
    if (error !== undefined) return;
    if (file) file.mtime = mtime;
    assert.equal(answer?.mtime, mtime);
    this.#assertEntry(key, answer ?? null);
  }

  async #reingest(): Promise<void> {
    const key = this.#random.key();
    const file = this.#random.file();
    const path = join(this.#temporary, "handed over");
    writeFileSync(path, file.text, { mode: file.mode });
    native.setTimes(path, file.mtime, file.mtime);
    const mode = lstatSync(path).mode & 0o7777;
    const above = this.#above(key);
    const error = above === "ENOTDIR" ? above : this.#isDir(key) ? "EISDIR" : undefined;
    const call = this.#workspace.reingest(key, path, process.getuid!());
    const answer = await this.#expect(`reingest ${key}`, error, call);
    assert.equal(
      lstatSync(path, { throwIfNoEntry: false }) !== undefined,
      error !== undefined,
      "consumed on success only",
    );
    if (error !== undefined) return unlinkSync(path);
    const before = this.#model.get(key);
    this.#makeParents(key);
    this.#model.set(key, { ...file, mode: before?.mode ?? mode });
    this.#assertEntry(key, answer ?? null);
  }

  /** A program that is not injected, or one that has made its private copy: the file wins. */
  async #writeOutside(): Promise<void> {
    const key = this.#random.key();
    if (this.#above(key) !== undefined || this.#isDir(key)) return;
    this.log.push(`outside: write ${key}`);
    const file = { ...this.#random.file(), mode: 0o640 };
    const path = join(this.#t.root, key);
    writeFileSync(path, file.text, { mode: file.mode });
    native.setTimes(path, file.mtime, file.mtime);
    const mode = lstatSync(path).mode & 0o7777;
    this.#model.set(key, { ...file, mode });
  }

  /** Only what is physical can be removed from outside; what was virtual under the file is whited out as the library does. */
  async #removeOutside(): Promise<void> {
    const key = this.#random.pick([...this.#model.keys()]);
    const path = join(this.#t.root, key);
    if (key === "" || lstatSync(path, { throwIfNoEntry: false }) === undefined || this.#hasChildren(key))
      return;
    this.log.push(`outside: remove ${key}`);
    if (this.#isDir(key)) rmdirSync(path);
    else {
      if (this.#workspace.info.kind === "phantom") this.#t.whiteOut(key);
      unlinkSync(path);
    }
    this.#model.delete(key);
  }

  /** As the library renames a file: it is physical by then, and whited out under its old name. */
  async #renameOutside(): Promise<void> {
    const [from, to] = [this.#random.key(), this.#random.key()];
    if (this.#renameError(from, to) !== undefined || this.#isDir(from) || from === to) return;
    if (lstatSync(join(this.#t.root, from), { throwIfNoEntry: false }) === undefined) return;
    this.log.push(`outside: rename ${from} ${to}`);
    if (this.#workspace.info.kind === "phantom") this.#t.whiteOut(from);
    renameSync(join(this.#t.root, from), join(this.#t.root, to));
    this.#moveInModel(from, to);
  }

  async #whiteOut(): Promise<void> {
    const files = [...this.#model.keys()].filter((key) => !this.#isDir(key));
    if (files.length === 0 || this.#workspace.info.kind === "solid") return;
    const key = this.#random.pick(files);
    if (lstatSync(join(this.#t.root, key), { throwIfNoEntry: false }) !== undefined) return;
    this.log.push(`outside: white out ${key}`);
    this.#t.whiteOut(key);
    this.#model.delete(key);
  }

  async #reopen(): Promise<void> {
    this.log.push("reopen");
    this.#workspace = await (await this.#t.reopen()).open(this.#t.root);
    await this.check();
  }

  async #compare(): Promise<void> {
    this.log.push("resync");
    await this.#workspace.resync();
    this.#checkIndex();
  }

  #assertEntry(key: string, entry: VnodeEntry | null): void {
    const file = this.#model.get(key);
    assert.ok(entry !== null, `${key} is there`);
    if (file === null || file === undefined) return assert.equal(entry.flags, 1, key);
    const expected = {
      hash: hashToHex(hashBytes(Buffer.from(file.text))),
      mode: file.mode,
      mtime: file.mtime,
    };
    const { content_hash, mode, mtime } = entry;
    assert.deepEqual({ hash: hashToHex(content_hash), mode, mtime }, expected, key);
    assert.equal(entry.size, BigInt(file.text.length));
  }

  /** What the wire says of every name, and that there are no others. */
  async check(): Promise<void> {
    for (const [key, file] of this.#model) {
      this.#assertEntry(key, await this.#workspace.get(key));
      if (file !== null) continue;
      const prefix = key === "" ? "" : `${key}/`;
      const expected = [...this.#model]
        .filter(([other]) => other !== "" && parentKey(other) === key)
        .map(([other, value]) => ({ name: other.slice(prefix.length), is_dir: value === null }));
      expected.sort((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(await this.#workspace.list(key), expected, `list ${key}`);
    }
  }

  /** After a comparison the index has the model's names, and a virtual one is a blob of its content. */
  #checkIndex(): void {
    const entries = [...IndexReader.open(this.#workspace.info.index).entries()];
    const known = new Map(entries.map((entry) => [entry.key, entry]));
    known.delete(".vrift");
    assert.deepEqual([...known.keys()].sort(), [...this.#model.keys()].sort());
    for (const [key, file] of this.#model) {
      const { flags, hash, size } = known.get(key)!;
      assert.equal((flags & Number(constants.ENTRY_DIR)) !== 0, file === null, key);
      if (file === null || (flags & Number(constants.ENTRY_VIRTUAL)) === 0) continue;
      assert.equal(readFileSync(this.#t.store.blobPath({ hash, size }), "utf8"), file.text, key);
    }
  }

  async end(): Promise<void> {
    await this.check();
    await this.#compare();
    await this.#reopen();
    this.#checkIndex();
  }
}

async function runModel(
  context: TestContext,
  phantom: boolean,
  seed: number,
  watched = false,
): Promise<void> {
  const t = await workspaceFixture({ watch: watched });
  const temporary = mkdtempSync(join(tmpdir(), "vrift-model-"));
  context.diagnostic(`VRIFT_TEST_SEED=${seed}`);
  const run = new Run(t, await t.registry.open(t.root, phantom), temporary, seed);
  try {
    for (let step = 0; step < STEPS; step++) {
      await run.step();
      if (step % 4 === 0) await run.check();
    }
    await run.end();
  } catch (error) {
    context.diagnostic(`failed with VRIFT_TEST_SEED=${seed} after:\n${run.log.slice(-25).join("\n")}`);
    throw error;
  } finally {
    await t.close();
    rmSync(temporary, { recursive: true });
  }
}

test("a phantom workspace is what the model says", (context) => runModel(context, true, SEED));
test("a watched one too, which compares by itself beside the requests", (context) =>
  runModel(context, true, SEED + 2, true));
test("a solid workspace is what the model says", (context) => runModel(context, false, SEED + 1));
