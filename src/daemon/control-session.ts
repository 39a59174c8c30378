/** vriftd's control socket (control.ts). */
import { existsSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
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
      opened(await asItIsNow(await registry.open(text(root, "root"), phantom === true), registry)),
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
      const { index, kind } = (await registry.open(root)).info;
      return { index, kind };
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

/** With its counts of this moment; opened again when it turns out that its process has just ended. */
async function asItIsNow(
  project: ProjectProcess,
  registry: Registry<ProjectProcess>,
): Promise<ProjectProcess> {
  await project.currentStatus();
  return project.isOpen ? project : registry.open(project.info.root);
}

function opened({ info, control }: ProjectProcess): OpenedProject {
  return { workspace: info, control };
}
