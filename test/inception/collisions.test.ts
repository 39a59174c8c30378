/** Names made to have one path hash, under the injected library: their slots, marks, stripes and whiteouts are the same. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { commonHash, keysOfHashZero, swappedKeys } from "../colliding-names.js";
import { buildNative, compare } from "./phantom-fixture.js";

/** More than a whiteout has suffixes. */
const MANY = keysOfHashZero("d/", 24);
const [A = "", B = "", C = "", ABSENT = "", D = "", E = ""] = MANY;
const [SWAP_A, SWAP_B] = swappedKeys("d/");
const TREE = Object.fromEntries([...MANY, SWAP_A, SWAP_B].map((key, n) => [key, `content ${n}\n`]));

before(() => {
  assert.equal(commonHash(MANY), 0n);
  assert.notEqual(commonHash([SWAP_A, SWAP_B]), 0n);
  delete TREE[ABSENT];
  buildNative();
});

const look = `for f in ${[A, B, C, D, E, ABSENT, SWAP_A, SWAP_B].join(" ")}; do stat -c '%s %a' $f; cat $f; done 2>&1; ls d`;
const scenarios: Record<string, string> = {
  "reading two of them, and an absent third": look,
  "writing one leaves the other": `echo more >> ${A}; : > ${B}; chmod 600 ${SWAP_A}; ${look}`,
  "removing one leaves the other": `rm ${A} ${SWAP_A}; ${look}; rm ${B}; ${look}; echo new > ${A}; ${look}; rm ${A}; ${look}`,
  "the absent one made and removed": `echo here > ${ABSENT}; ${look}; rm ${ABSENT}; ${look}`,
  "one renamed onto the other": `mv ${A} ${B}; ${look}; mv ${SWAP_A} ${ABSENT}; ${look}; mv ${SWAP_B} ${SWAP_A}; ${look}`,
  "all removed": `rm d/*; ls d; ${look}; echo again > ${C}; ${look}; rm -r d; ls`,
  "the directory renamed": `mv d e; ls e; mv e d; ${look}`,
};

for (const [name, script] of Object.entries(scenarios))
  test(name, async () => {
    await compare({ tree: TREE, script });
  });
