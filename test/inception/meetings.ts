/** Which operations meet which (native/test/between.c knows them). */
import type { Meeting } from "./interleave.js";

/** Each was wrong once; and what is like it. */
export const FOUND: readonly Meeting[] = [
  // Two names looked at one after the other, and a file on its way from one to the other.
  { setup: "", a: "noreplace f new", b: "rename f new" },
  { setup: "rename f new", a: "noreplace f new", b: "rename new f" },
  { setup: "", a: "noreplace f g", b: "rename g f" },
  { setup: "", a: "noreplace new f", b: "create new" },
  // A file that hides a virtual one, gone between the looks for a whiteout and for a file.
  { setup: "append f", a: "keep f", b: "rename f new" },
  // The name is free from the whiteout on.
  { setup: "", a: "unlink f", b: "create f" },
  // Emptied under its first name, and made anew under it.
  { setup: "", a: "cut f", b: "rename f new" },
  { setup: "", a: "cut f", b: "exchange f g" },
  // The directory goes: what is told to be removed is in it, and a whiteout is taken back that another one counts on.
  { setup: "chmod d/x", a: "unlink d/x", b: "rename d new" },
  { setup: "", a: "rename d/x new", b: "rename d e" },
  // There all the time, first virtual, then whited out and physical.
  { setup: "", a: "read d/x", b: "exchange d full" },
  // Nobody else: a directory stands where the entry is virtual, and a link in it leads nowhere.
  { setup: "symlink no/where d/l,exchange f d", a: "stat f/l/y", b: "" },
];

const FILES = [
  ...["stat f", "read f", "keep f", "append f", "cut f", "create f", "unlink f", "chmod f", "truncate f"],
  ...["link f new", "link g f", "symlink x f", "mkdir f", "create new", "rename f new", "rename new f"],
  ...["rename f g", "rename g f", "noreplace f new", "noreplace new f", "noreplace f g", "noreplace g f"],
  ...["exchange f g", "exchange f d"],
];
const DIRECTORIES = [
  ...[
    "rename f d/x",
    "rename d/x f",
    "noreplace f d/x",
    "unlink d/x",
    "append d/x",
    "read d/x",
    "create d/n",
  ],
  ...[
    "rename d e",
    "rename d new",
    "rename e d",
    "rename e full",
    "noreplace d e",
    "noreplace d f",
    "rename d f",
  ],
  ...["rename f e", "exchange d e", "exchange d full", "rmdir d", "read full/x"],
];
/** What one program has done before: physical with a virtual entry, whited out, moved, a directory at a virtual name. */
const SETUPS = ["", "chmod f", "unlink f", "rename f new", "exchange f d", "chmod d/x"];

/** Every two. */
export function meetings(): Meeting[] {
  const all = [...FILES, ...DIRECTORIES];
  return SETUPS.flatMap((setup) => all.flatMap((a) => all.map((b) => ({ setup, a, b }))));
}
