/** What a person reads of an import: how content came into the store, or would. */
import type { ImportMethod } from "../store/store.js";
import type { ImportPlan } from "../tree/plan-import.js";
import { bytesText } from "./bytes-text.js";
import { physicalLines } from "./physical-reasons.js";

const methods: Readonly<Record<ImportMethod, string>> = {
  present: "were in the store before",
  link: "by link",
  reflink: "by reflink",
  copy: "by copy",
  empty: "empty",
};

/** `12 by copy, 3 were in the store before`. */
export function methodsText(counts: Readonly<Partial<Record<ImportMethod, number>>>): string {
  return (Object.keys(methods) as ImportMethod[])
    .flatMap((method) => ((counts[method] ?? 0) > 0 ? [`${counts[method]} ${methods[method]}`] : []))
    .join(", ");
}

export function planText({ root, files, bytes, method, physical }: ImportPlan): string {
  const stayed = physicalLines(physical);
  return [
    `${root}: ${files} files, ${bytesText(bytes)}, would go into the store, ${methods[method]} (what it has is not taken again).`,
    ...(stayed.length > 0 ? ["", "Would stay as it is:", ...stayed] : []),
  ].join("\n");
}

export const dryRunOption = {
  "dry-run": { type: "boolean", help: "only say what would go into the store and what not; changes nothing" },
} as const;
