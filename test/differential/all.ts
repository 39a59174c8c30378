/** The one table. */
import { builds } from "./builds.js";
import { coreutils } from "./coreutils.js";
import { git } from "./git.js";
import { node } from "./node.js";
import { packages } from "./packages.js";
import { python } from "./python.js";
import type { Scenario } from "./scenario.js";
import { shells } from "./shells.js";

export const scenarios: readonly Scenario[] = [
  ...coreutils,
  ...shells,
  ...git,
  ...builds,
  ...python,
  ...node,
  ...packages,
];
