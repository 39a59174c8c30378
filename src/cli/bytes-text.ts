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
