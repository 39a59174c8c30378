import { lstatSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { loadConfig } from "../platform/config.js";
import { silentLog } from "../platform/log.js";
import type { Amount, Census, ContentStore } from "../store/store.js";
import { knownWorkspaces } from "../workspace/known.js";
import type { GoneWorkspace } from "../tree/gone.js";
import { ageText, parseAge } from "./age.js";
import { bytesText, parseBytes } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command, Context } from "./command.js";

export const gc: Command = {
  name: "gc",
  summary: "show what the store holds that nobody needs; with --delete, let it go",
  usage: ["gc [--older-than AGE]", "gc --delete [--older-than AGE] [--max-size SIZE]"],
  about: [
    "Content stays as long as a workspace, a snapshot or work in progress names it. What nobody names goes to the store's\n" +
      "trash, and is deleted there when the grace period (sweep_grace_seconds) is over: by the daemon, or by the next\n" +
      "`vrift gc --delete`. Until then whoever needs it gets it back. Safe at any time, beside anything.",
    "A workspace whose directory is not there is named. With --delete it is forgotten when it has been gone for a week\n" +
      "and the store has the only copy of nothing of it; `vrift forget` ends the others.",
  ],
  options: {
    delete: { type: "boolean", help: "move it to the trash, and delete what has been there long enough" },
    "older-than": {
      type: "string",
      value: "AGE",
      help: "only what was not used for so long: 30m, 12h, 7d, 2w",
    },
    "max-size": {
      type: "string",
      value: "SIZE",
      help: "with --delete: only until the store has 500M, 20G; what was used longest ago goes first",
    },
    ...jsonOption,
  },
  positionals: [0, 0],
  async run(context) {
    const maxBytes = maxSize(context);
    const olderThanMs = parseAge(context.value("older-than") ?? "0", "--older-than");
    const graceMs = (await loadConfig({ home: context.home })).sweep_grace_seconds * 1000;
    const { openStore } = await import("../store/content-store.js");
    const { tidyProjects } = await import("../daemon/tidy-projects.js");
    assertOwn(context.home.source);
    const store = await openStore(context.home.source, { graceMs });
    try {
      await tidyProjects(context.home, silentLog);
      const { goneWorkspaces, pruneGone } = await import("../tree/gone.js");
      const gone = goneWorkspaces(context.home);
      const pruned = context.flag("delete")
        ? await pruneGone({ home: context.home, store }, gone)
        : undefined;
      const swept = context.flag("delete") ? await sweep(store, olderThanMs, maxBytes) : undefined;
      const report: Report = {
        ...{ census: await store.census({ olderThanMs }), swept, graceMs, olderThanMs },
        ...{ gone: pruned?.kept ?? gone, forgotten: pruned?.forgotten ?? [] },
      };
      return { data: report, text: reportLines(report, context).join("\n") };
    } finally {
      store.close();
    }
  },
};

interface Report {
  /** As it is afterwards. */
  readonly census: Census;
  /** What `--delete` has done. */
  readonly swept: { readonly moved: Amount; readonly deleted: Amount } | undefined;
  readonly graceMs: number;
  readonly olderThanMs: number;
  /** Workspaces whose directory is not there, and those of them that have ended now. */
  readonly gone: readonly (GoneWorkspace & { readonly reason?: string })[];
  readonly forgotten: readonly GoneWorkspace[];
}

function maxSize(context: Context): bigint | undefined {
  const text = context.value("max-size");
  if (text === undefined) return undefined;
  if (!context.flag("delete"))
    throw new VriftError(
      "VRIFT_USAGE",
      "--max-size goes with --delete; usage: vrift gc --delete --max-size SIZE",
    );
  return parseBytes(text, "--max-size");
}

/** Workspaces of others may need what a sweep takes away: not even root sweeps a store that is not its own. */
function assertOwn(source: string): void {
  const owner = lstatSync(source, { throwIfNoEntry: false })?.uid;
  if (owner === undefined) throw new VriftError("ENOENT", `there is no store ${source} yet`);
  if (owner !== process.getuid!())
    throw new VriftError("EACCES", `the store ${source} belongs to uid ${owner}`);
}

async function sweep(
  store: ContentStore,
  olderThanMs: number,
  maxBytes: bigint | undefined,
): Promise<NonNullable<Report["swept"]>> {
  const chosen = maxBytes === undefined ? undefined : await store.chooseEviction(maxBytes);
  let [blobs, bytes] = [0, 0n];
  const { deletedCount, reclaimedBytes } = await store.sweep(
    { has: () => false },
    {
      olderThanMs,
      ...(chosen === undefined ? {} : { only: chosen }),
      onMoved: ({ size }) => {
        blobs++;
        bytes += size;
      },
    },
  );
  return { moved: { blobs, bytes }, deleted: { blobs: deletedCount, bytes: reclaimedBytes } };
}

function reportLines(report: Report, { home }: Context): string[] {
  const { census, swept, graceMs, olderThanMs, gone, forgotten } = report;
  const roots = new Map(knownWorkspaces(home).map(({ id, root }) => [id, root]));
  const { all, garbage, young, leased, lists, over, quarantined } = census;
  const wait = `${ageText(graceMs)} after they were moved`;
  return [
    `${home.source}: ${amountText(all)}`,
    ...(swept === undefined
      ? [`would go      ${amountText(garbage)}, which nobody names${garbage.blobs > 0 ? " (--delete)" : ""}`]
      : [
          `moved         ${amountText(swept.moved)}, to the trash; deleted there ${wait}`,
          `deleted       ${amountText(swept.deleted)}, which had been there long enough`,
        ]),
    ...line("too young", young, `used within ${ageText(olderThanMs)}`),
    ...line("in progress", leased, "named by work that goes on"),
    ...line("in the trash", census.swept, `come back when they are needed; deleted ${wait}`),
    ...line("over", over, "in the trash, deleted by the next sweep"),
    ...line("quarantined", quarantined, "not what their names said; kept in the trash"),
    ...(lists.length > 0 ? ["kept for"] : []),
    ...lists.map(
      ({ name, alone, ...amount }) =>
        `  ${roots.get(name) ?? name}: ${amountText(amount)}; ${amountText(alone)} of them for nothing else`,
    ),
    ...forgotten.map(({ info }) => `forgotten     ${info.root}, whose directory is gone`),
    ...gone.map(
      ({ info, sinceMs, reason }) =>
        `gone          ${info.root} (${info.kind}), since ${new Date(sinceMs).toISOString().slice(0, 10)} at the latest` +
        (reason === undefined ? "" : `; kept: ${reason}`),
    ),
  ];
}

function line(what: string, amount: Amount, why: string): string[] {
  return amount.blobs === 0 ? [] : [`${what.padEnd(13)} ${amountText(amount)}, ${why}`];
}

function amountText({ blobs, bytes }: Amount): string {
  return `${blobs} blob${blobs === 1 ? "" : "s"}, ${bytesText(bytes)}`;
}
