/** Answers from the real files when no daemon can be reached (specification, section 8). */
import { realpath } from "node:fs/promises";
import { VriftError } from "../platform/errors.js";
import type { ErrorCode } from "../platform/errors.js";
import type { VeloRequest, VeloResponse } from "../protocol/messages.js";
import type { RequestName } from "../protocol/schema.js";
import type { Binding } from "./binding.js";
import type { Fallback } from "./pipeline.js";

/** Nobody there, or somebody who does not answer. Not: somebody else's daemon, or one of another version. */
const unreachable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "ECONNREFUSED",
  "ECONNRESET",
  "ETIMEDOUT",
  "VRIFT_NO_DAEMON",
]);

/** @param onUse told of each request that is answered so; `root` is the real path. */
export function realAnswer(
  onUse: (root: string, request: RequestName, path: string | undefined, error: VriftError) => void,
): Fallback {
  return (message, binding, error) => {
    if (!unreachable.has(error.code)) return undefined;
    const root = rootOf(message, binding);
    return root === undefined ? undefined : answer(message, root, error, onUse);
  };
}

function rootOf(message: VeloRequest, binding: Binding | undefined): string | undefined {
  if (message.type === "RegisterWorkspace") return message.project_root;
  if (message.type !== "ManifestGet" && message.type !== "ManifestListDir") return undefined;
  return binding?.state === "made" ? binding.request.project_root : undefined;
}

async function answer(
  message: VeloRequest,
  givenRoot: string,
  error: VriftError,
  onUse: Parameters<typeof realAnswer>[0],
): Promise<VeloResponse> {
  const { isPhantom, realEntry, realList, realWorkspaceId } = await import("./real-tree.js");
  const root = await realpath(givenRoot);
  const path = "path" in message ? message.path : undefined;
  const reply = await ((): Promise<VeloResponse> => {
    switch (message.type) {
      case "RegisterWorkspace":
        return realWorkspaceId(root).then((workspace_id) => ({ type: "RegisterAck", workspace_id }));
      case "ManifestListDir":
        return refuseUnlessSolid(isPhantom(root), error).then(async () => ({
          type: "ManifestListAck",
          entries: await realList(root, message.path),
        }));
      case "ManifestGet":
        return realEntry(root, message.path).then(async (entry) => {
          if (entry === null) await refuseUnlessSolid(isPhantom(root), error);
          return { type: "ManifestAck", entry };
        });
      default:
        throw new TypeError(`${message.type} is not answered from files`);
    }
  })();
  onUse(root, message.type, path, error);
  return reply;
}

/** Of a phantom tree the files say what is there and nothing of what is not: the rest is in the manifest. */
async function refuseUnlessSolid(isPhantom: boolean, error: VriftError): Promise<void> {
  if (!isPhantom) return;
  const message = `only the daemon knows the virtual names of a phantom tree: ${error.message}`;
  throw new VriftError(error.code, message, { cause: error });
}
