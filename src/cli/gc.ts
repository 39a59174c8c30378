import { lstatSync } from "node:fs";
import { VriftError } from "../platform/errors.js";
import { loadConfig } from "../platform/config.js";
import { silentLog } from "../platform/log.js";
import type { Amount, Census, ContentStore } from "../store/store.js";
import { knownWorkspaces } from "../workspace/known.js";
import { ageText, parseAge } from "./age.js";
import { bytesText } from "./bytes-text.js";
import { jsonOption } from "./command.js";
import type { Command, Context } from "./command.js";

export const gc: Command = {
  name: "gc",
  summary: "show what the store holds that nobody needs; with --delete, let it go",
  usage: ["gc [--older-than AGE]", "gc --delete [--older-than AGE]"],
  about: [
    "Content stays as long as a workspace, a snapshot or work in progress names it. What nobody names goes to the store's\n" +
      "trash, and is deleted there when the grace period (sweep_grace_seconds) is over: by the daemon, or by the next\n" +
      "`vrift gc --delete`. Until then whoever needs it gets it back. Safe at any time, beside anything.",
  ],
  options: {
    delete: { type: "boolean", help: "move it to the trash, and delete what has been there long enough" },
    "older-than": {
      type: "string",
      value: "AGE",
      help: "only what was not used for so long: 30m, 12h, 7d, 2w",
    },
    ...jsonOption,
  },
  positionals: [0, 0],
  async run(context) {
    const olderThanMs = parseAge(context.value("older-than") ?? "0", "--older-than");
    const graceMs = (await loadConfig({ home: context.home })).sweep_grace_seconds * 1000;
    const { openStore } = await import("../store/content-store.js");
    const { tidyProjects } = await import("../daemon/tidy-projects.js");
    assertOwn(context.home.source);
    const store = await openStore(context.home.source, { graceMs });
    try {
      await tidyProjects(context.home, silentLog);
      const swept = context.flag("delete") ? await sweep(store, olderThanMs) : undefined;
      const report: Report = { census: await store.census({ olderThanMs }), swept, graceMs, olderThanMs };
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
}

/** Workspaces of others may need what a sweep takes away: not even root sweeps a store that is not its own. */
function assertOwn(source: string): void {
  const owner = lstatSync(source, { throwIfNoEntry: false })?.uid;
  if (owner === undefined) throw new VriftError("ENOENT", `there is no store ${source} yet`);
  if (owner !== process.getuid!())
    throw new VriftError("EACCES", `the store ${source} belongs to uid ${owner}`);
}

async function sweep(store: ContentStore, olderThanMs: number): Promise<NonNullable<Report["swept"]>> {
  let [blobs, bytes] = [0, 0n];
  const { deletedCount, reclaimedBytes } = await store.sweep(
    { has: () => false },
    {
      olderThanMs,
      onMoved: ({ size }) => {
        blobs++;
        bytes += size;
      },
    },
  );
  return { moved: { blobs, bytes }, deleted: { blobs: deletedCount, bytes: reclaimedBytes } };
}

function reportLines({ census, swept, graceMs, olderThanMs }: Report, { home }: Context): string[] {
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
  ];
}

function line(what: string, amount: Amount, why: string): string[] {
  return amount.blobs === 0 ? [] : [`${what.padEnd(13)} ${amountText(amount)}, ${why}`];
}

function amountText({ blobs, bytes }: Amount): string {
  return `${blobs} blob${blobs === 1 ? "" : "s"}, ${bytesText(bytes)}`;
}
