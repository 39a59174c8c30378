/** The control socket on one connection: JSON lines in and out (control.ts). */
import { VriftError, toVriftError } from "../platform/errors.js";
import { LineReader } from "../protocol/line-reader.js";
import { resolveRoot } from "../workspace/root.js";
import type { ProjectWorkspace } from "../workspace/project-workspace.js";
import type { AdoptEntry } from "../workspace/workspace.js";
import type { Protocol } from "./connection.js";
import type { ControlName, ControlOperations } from "./control.js";
import type { Registry } from "./registry.js";

export interface ControlService {
  readonly registry: Registry;
  status(): ControlOperations["status"]["reply"];
  /** Begins to stop; the answer is still sent. */
  stop(): void;
}

/** A page of entries is cut here, well under the line limit. */
const PAGE_BYTES = 4 * 1024 * 1024;

type Operation<K extends ControlName> = (
  request: ControlOperations[K]["request"],
  service: ControlService,
) => Promise<ControlOperations[K]["reply"]>;

const operations: { readonly [K in ControlName]: Operation<K> } = {
  open: async ({ root, phantom }, { registry }) => ({
    workspace: (await registry.open(text(root, "root"), phantom === true)).info,
  }),

  view: async ({ from, userHome, build }, service) => {
    const { build: ownBuild, home, workspaces } = service.status();
    if (build !== ownBuild)
      throw new VriftError("VRIFT_STALE_DAEMON", `this daemon is of build ${ownBuild}, not ${String(build)}`);
    const root = resolveRoot({
      from: text(from, "from"),
      env: { HOME: text(userHome, "userHome") },
      homeRoot: home,
      registered: (directory) => workspaces.some((workspace) => workspace.root === directory),
    });
    const { index, kind } = (await service.registry.open(root)).info;
    return { index, kind };
  },

  adopt: async ({ root, entries, as }, { registry }) => {
    if (as !== "virtual" && as !== "backed")
      throw new VriftError("EINVAL", "as is neither virtual nor backed");
    if (!Array.isArray(entries)) throw new VriftError("EINVAL", "entries is not a list");
    const workspace = await registry.open(text(root, "root"));
    return workspace.adopt(entries.map(adoptEntry), as);
  },

  entries: async ({ root, after, limit }, { registry }) => {
    if (!Number.isInteger(limit) || limit < 1) throw new VriftError("EINVAL", "limit is not a count above 0");
    const workspace = await registry.open(text(root, "root"));
    return { entries: page(workspace, text(after, "after"), limit) };
  },

  sync: async ({ root }, { registry }) => {
    const workspace = await registry.open(text(root, "root"));
    const report = await workspace.resync();
    await workspace.sync();
    return { report };
  },

  clone: async ({ src, dst }, { registry }) => ({
    workspace: (await registry.clone(text(src, "src"), text(dst, "dst"))).info,
  }),

  solidify: async ({ root }, { registry }) => ({ report: await registry.solidify(text(root, "root")) }),

  status: async (_request, service) => service.status(),

  stop: async (_request, service) => {
    service.stop();
    return {};
  },
};

export function controlProtocol(service: ControlService): Protocol<string> {
  return {
    reader: new LineReader(),
    answer: async (line) => toLine(await answerLine(line, service)),
    refuse: (error) => toLine(failure(error)),
    ended: () => undefined,
  };
}

async function answerLine(line: string, service: ControlService): Promise<object> {
  try {
    const request = parseRequest(line);
    // Each operation checks the fields it was sent; the table only pairs names with them.
    const operation = operations[request.op] as Operation<ControlName>;
    return { ok: true, ...(await operation(request as never, service)) };
  } catch (error) {
    return failure(error);
  }
}

function parseRequest(line: string): { readonly op: ControlName } {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (error) {
    throw new VriftError("EBADMSG", "the line is not JSON", { cause: error });
  }
  if (typeof request !== "object" || request === null || !("op" in request))
    throw new VriftError("EBADMSG", "the line is not an object with an op");
  const { op } = request;
  if (typeof op !== "string" || !Object.hasOwn(operations, op))
    throw new VriftError("ENOSYS", `there is no operation ${JSON.stringify(op)}`);
  return request as { op: ControlName };
}

function adoptEntry(value: unknown): AdoptEntry {
  if (typeof value !== "object" || value === null)
    throw new VriftError("EINVAL", "an entry is not an object");
  const { path, hash, size, mtimeNs, mode, blocks } = value as Record<string, unknown>;
  if (typeof mode !== "number" || typeof blocks !== "number")
    throw new VriftError("EINVAL", "mode and blocks of an entry are numbers");
  return {
    path: text(path, "path"),
    hash: text(hash, "hash"),
    size: text(size, "size"),
    mtimeNs: text(mtimeNs, "mtimeNs"),
    mode,
    blocks,
  };
}

function page(workspace: ProjectWorkspace, after: string, limit: number): AdoptEntry[] {
  const entries: AdoptEntry[] = [];
  let bytes = 0;
  for (const entry of workspace.virtualEntries(after)) {
    entries.push(entry);
    // Names may hold characters that JSON writes with six.
    bytes += 256 + entry.path.length * 6;
    if (entries.length >= limit || bytes >= PAGE_BYTES) break;
  }
  return entries;
}

function text(value: unknown, field: string): string {
  if (typeof value !== "string") throw new VriftError("EINVAL", `${field} is not a text`);
  return value;
}

function failure(error: unknown): object {
  const { code, message } = toVriftError(error);
  return { ok: false, code, message };
}

function toLine(reply: object): Buffer {
  return Buffer.from(`${JSON.stringify(reply)}\n`);
}
