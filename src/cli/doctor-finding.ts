/** One line of `vrift doctor`. */
export interface Finding {
  readonly level: "ok" | "warn" | "fail";
  readonly what: string;
  /** What to do; for all but `ok`. */
  readonly advice?: string;
}

export function findingText({ level, what, advice }: Finding): string {
  return `${level.padEnd(4)}  ${what}${advice ? `\n      ${advice}` : ""}`;
}
