/** Where in a message an interpreter is: names and list positions, put together only when an error needs them. */
export class FieldPath {
  readonly #parts: (string | number)[] = [];

  constructor(message: string) {
    this.#parts.push(message);
  }

  enter(part: string | number): void {
    this.#parts.push(part);
  }

  leave(): void {
    this.#parts.pop();
  }

  /** `Spawn.env[3][0]` */
  toString(): string {
    const [message, ...rest] = this.#parts;
    return `${message}${rest.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("")}`;
  }
}
