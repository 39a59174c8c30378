/** vriftd's control socket (control.ts). */
import { existsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { VriftError } from "../platform/errors.js";
import { START_WAIT_MS } from "../platform/limits.js";
import { projectPaths } from "../platform/paths.js";
import { resolveRoot } from "../workspace/root.js";
import type { Registry } from "../workspace/registry.js";
import type { Protocol } from "./connection.js";
import type { ControlOperations, OpenedProject, TraceOperation } from "./control.js";
import { lineProtocol, text } from "./line-protocol.js";
import type { ProjectProcess } from "./project-process.js";

export interface ControlService {
  readonly registry: Registry<ProjectProcess>;
  readonly home: string;
  /** Of the code that runs. */
  readonly build: string;
  status(): Promise<ControlOperations["status"]["reply"]>;
  trace(request: TraceOperation["request"]): Promise<TraceOperation["reply"]>;
  /** Resolves with the successor's process id. */
  restart(): Promise<number>;
  /** Begins to stop; the answer is still sent. */
  stop(): void;
}

export function controlProtocol(service: ControlService): Protocol<string> {
  const { registry } = service;
  return lineProtocol<ControlOperations>({
    open: async ({ root, phantom }) =>
      opened(await drained(await registry.open(text(root, "root"), phantom === true), registry)),
    view: async ({ from, userHome, build }) => {
      if (build !== service.build)
        throw new VriftError(
          "VRIFT_STALE_DAEMON",
          `this daemon is of build ${service.build}, not ${String(build)}`,
        );
      const known = new Set(registry.list().map(({ root }) => root));
      const root = resolveRoot({
        from: text(from, "from"),
        env: { HOME: text(userHome, "userHome") },
        homeRoot: service.home,
        registered: (directory) => known.has(directory),
      });
      // `vrift run` has something to say then, which the launcher cannot.
      if (existsSync(projectPaths(root).intent))
        throw new VriftError("EBUSY", `files of ${root} are being moved, or a command that did was killed`);
      return viewOf(registry, root);
    },
    clone: async ({ src, dst }) => opened(await registry.clone(text(src, "src"), text(dst, "dst"))),
    solidify: async ({ root }) => ({ report: await registry.solidify(text(root, "root")) }),
    status: () => service.status(),
    trace: (request) => service.trace(request),
    restart: async () => ({ pid: await service.restart() }),
    stop: async () => {
      service.stop();
      return {};
    },
  });
}

async function drained(project: ProjectProcess, registry: Registry<ProjectProcess>): Promise<ProjectProcess> {
  const current = await asItIsNow(project, registry);
  await current.drain();
  return current;
}

/** With its counts of this moment; opened again when it turns out that its process has just ended. */
async function asItIsNow(
  project: ProjectProcess,
  registry: Registry<ProjectProcess>,
): Promise<ProjectProcess> {
  await project.currentStatus();
  return project.isOpen ? project : registry.open(project.info.root);
}

/** COMMAND does not wait for long: without an index it asks the kernel. A phantom tree is not to be seen without one. */
async function viewOf(
  registry: Registry<ProjectProcess>,
  root: string,
): Promise<ControlOperations["view"]["reply"]> {
  const late = new AbortController();
  const opening = registry.open(root);
  opening.catch(() => undefined);
  try {
    const place = registry.solidPlace(root);
    const waited = wait(START_WAIT_MS, undefined, { signal: late.signal });
    waited.catch(() => undefined);
    const project = place === undefined ? await opening : await Promise.race([opening, waited]);
    if (project === undefined) return { index: place!.index, kind: "solid" };
    await project.drain();
    const { index, kind } = project.info;
    return { index, kind };
  } finally {
    late.abort();
  }
}

function opened({ info, control }: ProjectProcess): OpenedProject {
  return { workspace: info, control };
}
