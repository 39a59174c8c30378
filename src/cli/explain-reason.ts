/** A reason of docs/observing.md as a sentence. */

const sentences: Readonly<Record<string, string>> = {
  virtual: "the entry of a virtual file",
  absent: "the nearest directory known is complete and has no such name",
  "below-a-file": "the path runs through a virtual file",
  exact: "a file or a directory of a solid tree, of which everything stat tells is known",
  elsewhere: "by its text the path does not lead into the tree",
  private: "`.vrift` is the library's own",
  ignored: "vrift leaves this name to the kernel",
  physical: "it is a file or a directory of the tree",
  link: "a symbolic link is on the way, which the kernel resolves",
  marked: "the name or its directory has changed since the project's process looked",
  distrusted: "the index may not be believed at this moment",
  busy: "the entry is in the middle of a change",
  incomplete: "not every name of its directory is known",
  moved: "the working directory may have been moved",
  "no-index": "no tree that was opened has it",
  other: "the library has no view of the tree",
};

export function reasonSentence(reason: string): string {
  return sentences[reason] ?? reason;
}

/** Who answered: the kernel was asked before the entry was believed, or not. */
export function answererText(by: "index" | "kernel", besides: readonly string[]): string {
  if (by === "index") return "the index, without a system call";
  return besides.includes("entry") ? "the index, after the kernel had said ENOENT" : "the kernel";
}
