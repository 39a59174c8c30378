import { VriftError } from "../platform/errors.js";

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `30m`, `12h`, `7d`, `2w`, `90` (seconds): milliseconds. */
export function parseAge(text: string, option: string): number {
  const [, number = "", unit = "s"] = /^(\d{1,9})([smhdw]?)$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit || "s"] ?? 0);
  if (number !== "") return seconds * 1000;
  throw new VriftError(
    "VRIFT_USAGE",
    `${option} takes a time as 90 (seconds), 30m, 12h, 7d or 2w, not ${JSON.stringify(text)}`,
  );
}

export function ageText(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const [unit, length] = Object.entries(UNITS).findLast(
    ([, each]) => seconds % each === 0 && seconds >= each,
  ) ?? ["s", 1];
  return `${seconds / length}${unit}`;
}
