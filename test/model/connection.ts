/**
 * One connection of the model-based test: random requests in a directory of its own, where every answer must be the model's,
 * and on names that all connections share, whose order is judged at the end.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { hashToHex } from "../../src/platform/hash.js";
import { native } from "../../src/platform/native.js";
import type { VeloRequest, VeloResponse, VnodeEntry } from "../../src/protocol/messages.js";
import type { Lease } from "../../src/store/store.js";
import type { Random } from "../store/random.js";
import { Candidates } from "./candidates.js";
import type { Line, Outcome } from "./line.js";
import type { ModelProject } from "./project.js";
import type { StoreModel } from "./store.js";
import { hashOfText, treeText } from "./tree.js";
import type { Answer, ModelFile, ModelRequest, ModelTree } from "./tree.js";

const LONG = "a-name-long-enough-to-be-kept-outside-of-the-entry-when-it-is-in-a-deep-directory";
const NAMES = ["a", "b", "c", LONG];
const DEPTH = 3;
const MODES = [0o644, 0o600, 0o755];
/** Requests sent ahead of their answers. */
const AHEAD = 4;
/** Trees that may be at a time, before it is found out which of them is. */
const FEW = 16;
const LOG = 40;
/** A reply that does not come in this time never comes. */
const HANG_MS = 120_000;

let temporaryFiles = 0;

/** A request of the batch that goes out next. */
interface Prepared {
  readonly model: ModelRequest;
  /** Nobody but the connection vouches for the content, and it may have broken. */
  readonly mayMissContent: boolean;
  readonly lease?: Lease | undefined;
}

export interface Told {
  answered: number;
  /** Changes whose answer did not come. */
  unanswered: number;
  /** Reads whose answer did not come, by why. */
  unansweredReads: number;
  readonly why: Map<string, number>;
}

export class ModelConnection {
  readonly told: Told = { answered: 0, unanswered: 0, unansweredReads: 0, why: new Map() };
  readonly failures: string[] = [];
  readonly line: Line;
  readonly #project: ModelProject;
  readonly #store: StoreModel;
  readonly #random: Random;
  readonly #own: string;
  readonly #temporary: string;
  readonly #candidates: Candidates;
  readonly #log: string[] = [];

  constructor(line: Line, project: ModelProject, store: StoreModel, random: Random, temporary: string) {
    this.line = line;
    this.#project = project;
    this.#store = store;
    this.#random = random;
    this.#own = line.name;
    this.#temporary = temporary;
    this.#candidates = new Candidates(new Map([[this.#own, null]]));
  }

  get #failed(): boolean {
    return this.failures.length > 0;
  }

  /** Until `isOver`, or something cannot be explained. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver() && !this.#failed) {
      const chance = this.#random.below(20);
      if (chance < 13) await this.#changeOwn();
      else if (chance < 17) await this.#useShared();
      else if (chance < 19) await this.#store.step((request) => this.#ask(request), this.#random);
      else await this.look();
      // So many that may come late, in any order, explain too much: a death decides, and a look rules out.
      if (this.#candidates.open > AHEAD || this.#candidates.trees.length > FEW) {
        await this.#project.kill();
        await this.look();
      }
    }
  }

  /** Makes the directory that is this connection's. */
  async begin(): Promise<void> {
    const outcome = await this.#ask({ type: "ManifestUpsert", path: this.#own, entry: directoryEntry(1n) });
    if (!("reply" in outcome)) this.#fail(`${this.#own} cannot be made: ${JSON.stringify(outcome)}`);
  }

  /** Asks for everything that may be there, and for the list of every directory. False: some answers did not come. */
  async look(): Promise<boolean> {
    const lost = this.told.unansweredReads;
    const keys = new Set(this.#candidates.trees.flatMap((tree) => [...tree.keys()]));
    const reads = [...keys].flatMap((path): ModelRequest[] => [
      { request: { type: "ManifestGet", path } },
      { request: { type: "ManifestListDir", path } },
    ]);
    while (reads.length > 0 && !this.#failed)
      await this.#askAll(reads.splice(0, AHEAD).map((model) => ({ model, mayMissContent: false })));
    return this.told.unansweredReads === lost;
  }

  /** Once nothing dies any more: exactly one tree is possible, and the content of its files is in the store. */
  async settle(): Promise<void> {
    const { shared } = this.#project;
    await this.#untilAnswered(() => this.look());
    for (const { path } of shared) await this.#untilAnswered(() => this.readShared(path));
    if (this.#failed) return;
    const [tree] = this.#candidates.trees as [ModelTree];
    const texts = this.#candidates.trees.map((one) => treeText(one));
    if (new Set(texts).size !== 1) this.#fail("more than one tree explains what was told");
    if (this.#project.kind === "solid") return;
    for (const [key, file] of tree)
      if (file && !(await this.#store.holds(file.text)))
        this.#fail(`the content of ${key} is lost: ${file.text}`);
  }

  /** Daemons are being started: that may take a while. */
  async #untilAnswered(look: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + HANG_MS;
    while (!this.#failed && !(await look())) {
      if (Date.now() > deadline) this.#fail("reads are not answered, and nothing dies any more");
      await wait(50);
    }
  }

  /** Its files, for whoever looks at them another way. */
  get tree(): ModelTree {
    return this.#candidates.trees[0]!;
  }

  async #changeOwn(): Promise<void> {
    const count = this.#random.once(3) ? 1 + this.#random.below(AHEAD) : 1;
    const batch: Prepared[] = [];
    for (let i = 0; i < count; i++) batch.push(await this.#prepare());
    await this.#askAll(batch);
    for (const { lease } of batch) lease?.release();
  }

  #key(): string {
    const depth = 1 + this.#random.below(DEPTH);
    return [this.#own, ...Array.from({ length: depth }, () => NAMES[this.#random.below(NAMES.length)]!)].join(
      "/",
    );
  }

  #file(): ModelFile {
    const mode = MODES[this.#random.below(MODES.length)]!;
    return { text: `${this.#own} ${this.#random.below(60)}`, mode, mtime: this.#project.nextTime() };
  }

  async #prepare(): Promise<Prepared> {
    const path = this.#key();
    const plain = (request: ModelRequest["request"]): Prepared => ({
      model: { request },
      mayMissContent: false,
    });
    const chance = this.#random.below(30);
    if (chance < 8) return this.#prepareUpsert(path);
    if (chance < 11)
      return plain({ type: "ManifestUpsert", path, entry: directoryEntry(this.#project.nextTime()) });
    if (chance < 14) return plain({ type: "ManifestRemove", path });
    if (chance < 20) return plain({ type: "ManifestRename", old_path: path, new_path: this.#key() });
    if (chance < 22) return plain({ type: "ManifestUpdateMtime", path, mtime_ns: this.#project.nextTime() });
    if (chance < 25) return this.#prepareReingest(path);
    return plain(chance < 28 ? { type: "ManifestGet", path } : { type: "ManifestListDir", path });
  }

  /** Content is vouched for by a lease of this process, or by the connection's, or only by luck. */
  async #prepareUpsert(path: string): Promise<Prepared> {
    const file = this.#file();
    const { hash, size, lease } = await this.#store.put(file.text);
    const entry = { content_hash: hash, size, mtime: file.mtime, mode: file.mode, flags: 0 };
    const model = { request: { type: "ManifestUpsert", path, entry }, file } as const;
    if (!this.#random.once(3)) return { model, mayMissContent: false, lease };
    const claimed = await this.#ask({ type: "CasInsert", hash, size });
    lease.release();
    if ("error" in claimed) this.#fail(`CasInsert: ${claimed.error}: ${claimed.message}`);
    return { model, mayMissContent: true };
  }

  #prepareReingest(vpath: string): Prepared {
    const file = this.#file();
    return { model: { request: this.#handOver(vpath, file), file }, mayMissContent: false };
  }

  #handOver(
    vpath: string,
    { text, mode, mtime }: ModelFile,
  ): ModelRequest["request"] & { type: "ManifestReingest" } {
    const temp_path = join(this.#temporary, `${this.#own}.${++temporaryFiles}`);
    writeFileSync(temp_path, text, { mode });
    native.setTimes(temp_path, mtime, mtime);
    return { type: "ManifestReingest", vpath, temp_path };
  }

  /** Sends all, then takes the answers in order. */
  async #askAll(batch: readonly Prepared[]): Promise<void> {
    const outcomes = batch.map(({ model }) => this.#ask(model.request));
    for (const [i, one] of batch.entries()) this.#take(one, await outcomes[i]!);
  }

  #take({ model, mayMissContent }: Prepared, outcome: Outcome): void {
    if (this.#failed) return;
    const { request } = model;
    const isRead = request.type === "ManifestGet" || request.type === "ManifestListDir";
    this.#note(`${textOf(request)} -> ${outcomeText(outcome)}`);
    if ("lost" in outcome) {
      if (isRead) this.#readNotAnswered(outcome.why);
      else this.#notAnswered(model, outcome.lost);
      return;
    }
    this.told.answered++;
    const isMissing =
      "error" in outcome && outcome.error === "ENOENT" && /not in the store/.test(outcome.message);
    if (mayMissContent && isMissing) {
      this.#candidates.refused(model);
      return;
    }
    if (!this.#candidates.answered(model, (answer) => fits(answer, outcome)))
      this.#fail("no order of events explains the last answer");
  }

  #readNotAnswered(why: string): void {
    this.told.unansweredReads++;
    const kind = this.line.name.replace(/-\d+$/, "");
    const reason = `${kind}: ${why}`.replaceAll(/\/[^ ,:;]*/g, "…");
    this.told.why.set(reason, (this.told.why.get(reason) ?? 0) + 1);
  }

  #notAnswered(model: ModelRequest, lost: "dead" | "late"): void {
    this.told.unanswered++;
    if (lost === "dead") this.#candidates.unanswered(model);
    else this.#candidates.left(model, this.#project.deathFromNow());
  }

  async #useShared(): Promise<void> {
    const shared = this.#project.shared[this.#random.below(this.#project.shared.length)]!;
    const chance = this.#random.below(8);
    if (chance < 4) {
      await this.readShared(shared.path);
      return;
    }
    const mtime = this.#project.nextTime();
    const file = { text: `shared ${this.#random.below(1000)}`, mode: 0o644, mtime };
    const { hash, size, lease } = await this.#store.put(file.text);
    const entry = { content_hash: hash, size, mtime, mode: file.mode, flags: 0 };
    const { path } = shared;
    const request: VeloRequest =
      chance < 6
        ? { type: "ManifestUpsert", path, entry }
        : chance < 7
          ? { type: "ManifestUpdateMtime", path, mtime_ns: mtime }
          : this.#handOver(path, file);
    shared.register.writing(mtime, performance.now());
    if (chance !== 6) shared.contents.set(mtime, hashOfText(file.text));
    const outcome = await this.#ask(request);
    lease.release();
    this.#note(`${textOf(request)} -> ${outcomeText(outcome)}`);
    if ("reply" in outcome) shared.register.written(mtime, performance.now());
    if ("lost" in outcome) this.told.unanswered++;
    else this.told.answered++;
    if ("error" in outcome) {
      shared.register.notWritten(mtime);
      this.#fail(`${textOf(request)}: ${outcome.error}: ${outcome.message}`);
    }
  }

  /** False: no answer came. */
  async readShared(path: string): Promise<boolean> {
    const shared = this.#project.shared.find((one) => one.path === path)!;
    const from = performance.now();
    const outcome = await this.#ask({ type: "ManifestGet", path });
    this.#note(`get ${path} -> ${outcomeText(outcome)}`);
    if ("lost" in outcome) {
      this.#readNotAnswered(outcome.why);
      return false;
    }
    this.told.answered++;
    const entry = "reply" in outcome && outcome.reply.type === "ManifestAck" ? outcome.reply.entry : null;
    if (entry === null) {
      this.#fail(`${path} is always there, but: ${outcomeText(outcome)}`);
      return true;
    }
    shared.register.read(entry.mtime, { from, to: performance.now() });
    const hash = hashToHex(entry.content_hash);
    const known = shared.contents.get(entry.mtime) ?? hash;
    shared.contents.set(entry.mtime, known);
    if (known !== hash)
      this.#fail(`${path} with time ${entry.mtime} has the content ${hash}, before: ${known}`);
    return true;
  }

  async #ask(request: VeloRequest): Promise<Outcome> {
    const hangs = setTimeout(() => this.#fail(`${textOf(request)} is not answered`), HANG_MS);
    try {
      return await this.line.call(request);
    } finally {
      clearTimeout(hangs);
    }
  }

  #note(text: string): void {
    this.#log.push(text);
    if (this.#log.length > LOG) this.#log.shift();
  }

  #fail(text: string): void {
    const trees = this.#candidates.trees.slice(0, 3).map((tree) => treeText(tree));
    const said = [text, "last requests:", ...this.#log, "possible before:", ...trees];
    this.failures.push(
      `${this.line.name} (${this.#project.kind}): ${said.join("\n  ").replaceAll(LONG, "LONG")}`,
    );
  }
}

export function directoryEntry(mtime: bigint): VnodeEntry {
  return { content_hash: new Uint8Array(32), size: 0n, mtime, mode: 0o755, flags: 1 };
}

function fits(answer: Answer, outcome: Outcome): boolean {
  if ("lost" in outcome) return false;
  if ("error" in outcome) return "error" in answer && answer.error === outcome.error;
  return !("error" in answer) && fitsReply(answer, outcome.reply);
}

function fitsReply(answer: Exclude<Answer, { error: string }>, reply: VeloResponse): boolean {
  if (reply.type === "ManifestListAck") {
    if (!("names" in answer)) return false;
    const names = reply.entries.map(({ name, is_dir }) => (is_dir ? `${name}/` : name));
    return names.sort().join("\0") === answer.names.join("\0");
  }
  if (reply.type !== "ManifestAck" || !("entry" in answer)) return false;
  const [{ entry }, wanted] = [reply, answer.entry];
  if (entry === null || wanted === null) return entry === wanted;
  if (wanted === "directory") return entry.flags === 1;
  return (
    entry.flags === 0 &&
    entry.mode === wanted.mode &&
    entry.mtime === wanted.mtime &&
    entry.size === BigInt(wanted.text.length) &&
    hashToHex(entry.content_hash) === hashOfText(wanted.text)
  );
}

function textOf(request: VeloRequest): string {
  return JSON.stringify(request, (key, value: unknown) =>
    key === "content_hash" || key === "hash" ? "…" : typeof value === "bigint" ? String(value) : value,
  );
}

function outcomeText(outcome: Outcome): string {
  if ("lost" in outcome) return `no answer (${outcome.lost}: ${outcome.why})`;
  if ("error" in outcome) return `${outcome.error}: ${outcome.message}`;
  const { reply } = outcome;
  if (reply.type !== "ManifestAck" || reply.entry === null) return textOf(reply as unknown as VeloRequest);
  const { content_hash, mode, mtime, flags } = reply.entry;
  return `${hashToHex(content_hash).slice(0, 8)} ${mode.toString(8)} ${mtime} flags ${flags}`;
}
