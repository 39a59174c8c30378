import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { allCommands, commandNames } from "../../src/cli/commands.js";
import { explain, overview } from "../../src/cli/help.js";
import { projectRoot, TestHome } from "./vrift-process.js";

const home = new TestHome();
after(() => home.remove());

const golden = join(projectRoot, "test/cli/help.golden.txt");

describe("help", () => {
  test("every text is as reviewed (write them again with UPDATE_GOLDEN=1)", async () => {
    const commands = await allCommands();
    const texts = [overview(commands), ...commands.map(explain)].join("\n\n----\n\n") + "\n";
    if (process.env["UPDATE_GOLDEN"]) writeFileSync(golden, texts);
    assert.equal(texts, readFileSync(golden, "utf8"));
  });

  test("lines fit a terminal", async () => {
    const commands = await allCommands();
    for (const line of [overview(commands), ...commands.map(explain)].join("\n").split("\n")) {
      assert.ok(line.length <= 120, line);
    }
  });

  test("names in the table are the commands' own", async () => {
    assert.deepEqual(
      (await allCommands()).map(({ name }) => name),
      commandNames,
    );
  });

  test("is printed for --help, -h and `help COMMAND`, on standard output, status 0", async () => {
    const commands = await allCommands();
    const calls = commands.map((command) => ({ command, args: [command.name, "--help"] }));
    const { run, ls } = Object.fromEntries(commands.map((command) => [command.name, command]));
    assert.ok(run && ls);
    calls.push({ command: run, args: ["run", "-h"] }, { command: ls, args: ["help", "ls"] });
    for (const { command, args } of calls) {
      const { stdout, stderr, code } = await home.vrift(args);
      assert.deepEqual({ stdout, stderr, code }, { stdout: `${explain(command)}\n`, stderr: "", code: 0 });
    }
    const { stdout, code } = await home.vrift(["--help"]);
    assert.equal(stdout, `${overview(commands)}\n`);
    assert.equal(code, 0);
  });

  test("an unknown option names the command and what may have been meant", async () => {
    for (const name of ["run", "phantom", "debug"]) {
      const { stderr, code } = await home.vrift([name, "--hlep"]);
      assert.equal(code, name === "run" ? 125 : 2);
      assert.match(
        stderr,
        new RegExp(`^vrift: VRIFT_USAGE: ${name} has no option --hlep; did you mean --help\\?\\n {2}`),
      );
    }
  });

  test("too few and too many arguments show the usage", async () => {
    for (const { name, positionals, usage } of await allCommands()) {
      if (!["clone", "ls", "daemon"].includes(name)) continue;
      const counts = [positionals[0] - 1, positionals[1] + 1].filter((count) => count >= 0);
      for (const count of counts) {
        const { stderr, code } = await home.vrift([name, ...Array.from({ length: count }, () => "x")]);
        assert.equal(code, 2, stderr);
        assert.ok(stderr.includes(`vrift ${usage[0]}`), stderr);
      }
    }
  });

  test("--version is the package's", async () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
      version: string;
    };
    assert.equal((await home.vrift(["--version"])).stdout, `vrift ${version}\n`);
    assert.equal((await home.vrift(["-V"])).stdout, `vrift ${version}\n`);
  });
});
