import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { killNamed, processState } from "./process-state.js";

/** Its first thread ends when a byte comes, another one goes on. */
const LOSES_ITS_FIRST_THREAD = `
import ctypes, threading, time
threading.Thread(target=lambda: time.sleep(60)).start()
print(flush=True)
input()
ctypes.CDLL(None).pthread_exit(None)
`;

test("a process whose first thread has ended is there until the others have", async () => {
  const child = spawn("python3", ["-c", LOSES_ITS_FIRST_THREAD], { stdio: ["pipe", "pipe", "ignore"] });
  const exit = once(child, "exit");
  const pid = child.pid!;
  await once(child.stdout, "data");
  const { name, startTime } = processState(pid)!;
  const ending = { name, startTime, state: "Z" };
  child.stdin.write("\n");
  while (processState(pid)?.state === "S" || processState(pid)?.state === "R") await wait(5);
  assert.deepEqual(processState(pid), ending);
  await killNamed(pid, "another");
  assert.deepEqual(processState(pid), ending, "not the one that was meant");
  await killNamed(pid, name);
  assert.equal(processState(pid), undefined);
  await exit;
});
