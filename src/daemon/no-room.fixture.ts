/**
 * Loaded into the daemons of full-disk.test.ts: while the file VRIFT_TEST_NO_ROOM is there, the room that LMDB was promised is
 * gone when it writes, as on a file system that copies on write. Once; then the file is removed.
 */
import { spawnSync } from "node:child_process";
import { LmdbTable } from "../manifest/lmdb-table.js";
import { unlinkIfPresent } from "../platform/files.js";

const { takeRoom } = LmdbTable.prototype;
LmdbTable.prototype.takeRoom = function (changes) {
  const end = takeRoom.call(this, changes);
  if (unlinkIfPresent(process.env["VRIFT_TEST_NO_ROOM"]!))
    spawnSync("prlimit", ["--pid", String(process.pid), "--fsize=16384:"]);
  return end;
};
