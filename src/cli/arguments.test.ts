import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { VriftError } from "../platform/errors.js";
import { ownOptionCount, parseArguments } from "./arguments.js";
import type { Command } from "./command.js";
import { bytesText } from "./bytes-text.js";
import { describeFailure } from "./failure.js";
import { suggest } from "./suggest.js";
import { unknownCommand } from "./unknown-command.js";

const sample: Command = {
  name: "sample",
  summary: "",
  usage: ["sample FILE"],
  options: {
    root: { type: "string", value: "DIR", short: "r", help: "" },
    yes: { type: "boolean", help: "" },
  },
  positionals: [1, 2],
  run: () => Promise.reject(new Error("not run here")),
};

describe("arguments", () => {
  test("options and positionals in any order, `--` ends options", () => {
    const parsed = parseArguments(sample, ["a", "--root", "x", "--yes", "--", "--yes"]);
    assert.deepEqual(parsed.positionals, ["a", "--yes"]);
    assert.deepEqual({ ...parsed.values }, { root: "x", yes: true });
    assert.equal(parseArguments(sample, ["--root=y", "a"]).values["root"], "y");
    assert.equal(parseArguments(sample, ["-ry", "a"]).values["root"], "y");
  });

  test("what is not understood is said in a sentence of ours", () => {
    const sentence = (args: string[]) => {
      try {
        parseArguments(sample, args);
      } catch (error) {
        assert.ok(error instanceof VriftError);
        assert.equal(error.code, "VRIFT_USAGE");
        return error.message;
      }
      return assert.fail("nothing was thrown");
    };
    assert.equal(sentence(["--rot", "x", "a"]), "sample has no option --rot; did you mean --root?");
    assert.equal(sentence(["--qqqqq", "a"]), "sample has no option --qqqqq");
    assert.equal(sentence(["-q", "a"]), "sample has no option -q");
    assert.match(sentence(["a", "--root"]), /^sample: .*--root/);
    assert.match(sentence(["--yes=1", "a"]), /^sample: .*--yes/);
    assert.match(sentence([]), /too few arguments; usage: vrift sample FILE/);
    assert.match(sentence(["a", "b", "c"]), /unexpected argument "c"; usage: vrift sample FILE/);
    assert.doesNotMatch(sentence(["--yes=1", "a"]), /\n/);
  });

  test("where another command's line begins", () => {
    for (const [args, count] of [
      [["cmd", "--yes"], 0],
      [["--", "--yes"], 1],
      [["--yes", "cmd"], 1],
      [["--root", "--", "cmd"], 2],
      [["--root=x", "--", "cmd"], 2],
      [["-r", "x", "cmd", "--"], 2],
      [["-rx", "cmd"], 1],
      [["-", "x"], 0],
      [["", "x"], 0],
      [["--yes"], 1],
      [["--root"], 1],
      [[], 0],
    ] as const) {
      assert.equal(Math.min(ownOptionCount(sample, args), args.length), count, JSON.stringify(args));
    }
  });
});

describe("sentences", () => {
  test("suggestions are near or begin alike", () => {
    const known = ["run", "status", "stat", "phantom", "daemon", "doctor"];
    assert.equal(suggest("statsu", known), "status");
    assert.equal(suggest("phantm", known), "phantom");
    assert.equal(suggest("rnu", known), "run");
    assert.equal(suggest("doc", known), "doctor");
    assert.equal(suggest("zebra", known), undefined);
    assert.match(unknownCommand("dameon", known).message, /`vrift daemon`\?$/);
  });

  test("amounts of bytes", () => {
    assert.deepEqual([0, 999, 1023, 1536, 1048576, 123456789n, 5n * 1024n ** 4n].map(bytesText), [
      "0 bytes",
      "999 bytes",
      "1.00 KiB",
      "1.50 KiB",
      "1.00 MiB",
      "118 MiB",
      "5.00 TiB",
    ]);
  });

  test("errors: code, sentence, cause, hint; statuses", () => {
    const missing = describeFailure(new VriftError("ENOENT", "there is no x"));
    assert.match(missing.text, /^vrift: ENOENT: there is no x\n {2}\S/);
    assert.equal(missing.exitCode, 1);
    const caused = new VriftError("EIO", "cannot read x", { cause: new Error("bad sector") });
    assert.match(describeFailure(caused).text, /cannot read x \(bad sector\)\n/);
    const node = Object.assign(new Error("EACCES: permission denied, open '/x'"), { code: "EACCES" });
    assert.match(describeFailure(node).text, /^vrift: EACCES: permission denied, open '\/x'\n/);
    assert.equal(describeFailure(new VriftError("VRIFT_USAGE", "x")).exitCode, 2);
    const internal = describeFailure(new TypeError("x is undefined"));
    assert.match(internal.text, /internal error: TypeError: x is undefined[^]*arguments\.test[^]*report/);
    assert.equal(internal.exitCode, 1);
    assert.match(describeFailure("text").text, /internal error: text/);
  });
});
