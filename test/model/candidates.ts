/**
 * The trees that one connection's part of a project may be, by what the connection was told. Exactly one, until a change is not
 * answered: then those with it and those without. Every later answer rules some out; when none is left, somebody lied.
 *
 * A change whose connection broke may still be read by the project's process from the socket, and be done later: it stays
 * *open* until that process has died or every tree has it.
 */
import { applied, possibleAfter, treeText } from "./tree.js";
import type { Answer, ModelRequest, ModelTree } from "./tree.js";

interface Candidate {
  readonly tree: ModelTree;
  /** Changes that may still come. */
  readonly open: readonly OpenChange[];
}

interface OpenChange {
  readonly request: ModelRequest;
  /** No process that could do it is left. */
  readonly isDead: () => boolean;
}

/** More than this many at a time would say that the model does not tell anything. */
const MOST = 32_768;

export class Candidates {
  #all: Candidate[];

  constructor(tree: ModelTree) {
    this.#all = [{ tree, open: [] }];
  }

  get trees(): readonly ModelTree[] {
    return this.#all.map(({ tree }) => tree);
  }

  /** Changes that may still come. */
  get open(): number {
    return Math.max(...this.#all.map(({ open }) => open.length));
  }

  /** @param fits whether this answer of the model is the one that came. False: no order of events explains it. */
  answered(request: ModelRequest, fits: (answer: Answer) => boolean): boolean {
    const next: Candidate[] = [];
    for (const { tree, open } of this.#reachable()) {
      const { answer, after } = applied(tree, request);
      if (fits(answer)) next.push({ tree: after, open });
    }
    if (next.length === 0) return false;
    this.#all = this.#distinct(next);
    return true;
  }

  /** It was answered with an error that is not about the tree, and nothing was done but perhaps directories above. */
  refused(request: ModelRequest): void {
    this.#fork((tree) => {
      const possible = possibleAfter(tree, request);
      return possible.length > 1 ? possible.slice(0, -1) : possible;
    });
  }

  /** Nobody said whether it was done, and whoever could do it is dead. */
  unanswered(request: ModelRequest): void {
    this.#fork((tree) => possibleAfter(tree, request));
  }

  /** Nobody said whether it was done, and it may be done later. */
  left(request: ModelRequest, isDead: () => boolean): void {
    const change = { request, isDead };
    this.#all = this.#all.map(({ tree, open }) => ({ tree, open: [...open, change] }));
  }

  #fork(possible: (tree: ModelTree) => ModelTree[]): void {
    const next: Candidate[] = [];
    for (const { tree, open } of this.#reachable())
      for (const after of possible(tree)) next.push({ tree: after, open });
    this.#all = this.#distinct(next);
  }

  /** With every open change done or not, in every order. */
  #reachable(): Candidate[] {
    if (this.#all.every(({ open }) => open.length === 0)) return this.#all;
    const found = new Map<string, Candidate>();
    const visit = (candidate: Candidate): void => {
      const text = textOf(candidate);
      if (found.has(text)) return;
      found.set(text, candidate);
      if (found.size > MOST) throw new Error(`more than ${MOST} trees are possible`);
      for (const [i, change] of candidate.open.entries())
        for (const tree of possibleAfter(candidate.tree, change.request))
          if (tree !== candidate.tree) visit({ tree, open: candidate.open.toSpliced(i, 1) });
    };
    for (const candidate of this.#all) visit(candidate);
    return this.#living([...found.values()]);
  }

  /** What was open and cannot come any more was not done, in a tree that has it open. */
  #living(candidates: readonly Candidate[]): Candidate[] {
    return candidates.map(({ tree, open }) => ({ tree, open: open.filter(({ isDead }) => !isDead()) }));
  }

  #distinct(candidates: readonly Candidate[]): Candidate[] {
    if (candidates.length === 1) return [...candidates];
    return [...new Map(candidates.map((one) => [textOf(one), one])).values()];
  }
}

const numbers = new WeakMap<OpenChange, number>();
let count = 0;

function textOf({ tree, open }: Candidate): string {
  const names = open.map((change) => {
    const number = numbers.get(change) ?? ++count;
    numbers.set(change, number);
    return number;
  });
  return `${names.join(",")}\n${treeText(tree)}`;
}
