import { VriftError } from "../platform/errors.js";

const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `12 bytes`, `1.4 MiB`: three digits are enough for a person; --json has them all. */
export function bytesText(bytes: bigint | number): string {
  let value = Number(bytes);
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit] ?? ""}`;
}

/** `500M`, `20G`, `1048576`: units of 1,024. */
export function parseBytes(text: string, option: string): bigint {
  const [, number = "", unit = ""] = /^(\d{1,15})([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  if (number !== "") return BigInt(number) << (10n * BigInt(" KMGT".indexOf(unit.toUpperCase() || " ")));
  throw new VriftError(
    "VRIFT_USAGE",
    `${option} takes a size as 1000000, 500M or 20G, not ${JSON.stringify(text)}`,
  );
}
