/** Threads that do pieces of one kind of work: each takes the next piece when it is done with one. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { VriftError, isErrorCode } from "../platform/errors.js";

/** What a thread answers when a piece could not be done. */
export interface FailedWork {
  readonly workFailed: { readonly code: string; readonly message: string };
}

interface Piece<Work, Answer> {
  readonly work: Work;
  readonly done: (answer: Answer | FailedWork) => void;
  readonly failed: (error: unknown) => void;
}

/** Sent to each thread in the end: it lets go of what it has, and closes its port. */
export const END = "end";

export class WorkThreads<Work, Answer extends object> {
  readonly #workers: Worker[];
  readonly #idle: Worker[];
  readonly #doing = new Map<Worker, Piece<Work, Answer>>();
  readonly #waiting: Piece<Work, Answer>[] = [];
  #broken: Error | undefined;

  /** @param script of the threads. @param workerData of each. */
  constructor(script: URL, workerData: unknown, threads: number) {
    this.#workers = Array.from({ length: threads }, () => this.#start(script, workerData));
    this.#idle = [...this.#workers];
  }

  /** @throws VriftError of the piece, or why there are no threads any more. */
  async do(work: Work): Promise<Answer> {
    const answer = await new Promise<Answer | FailedWork>((done, failed) => {
      this.#waiting.push({ work, done, failed });
      this.#hand();
    });
    if (!("workFailed" in answer)) return answer;
    const { code, message } = answer.workFailed;
    throw new VriftError(isErrorCode(code) ? code : "EIO", message);
  }

  /** All of them are to know; there is no answer. */
  tell(message: Work): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  /** Whoever waits for a piece is told that it is not done. */
  async close(): Promise<void> {
    const isBusy = this.#broken !== undefined || this.#doing.size > 0;
    this.#broken ??= new VriftError("EIO", "the threads that move files are ended");
    await Promise.all(
      this.#workers.map(async (worker) => {
        if (isBusy) return worker.terminate();
        worker.postMessage(END);
        if (worker.threadId !== -1) await once(worker, "exit");
        return undefined;
      }),
    );
  }

  #hand(): void {
    if (this.#broken !== undefined) for (const piece of this.#waiting.splice(0)) piece.failed(this.#broken);
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const [worker, piece] = [this.#idle.pop()!, this.#waiting.shift()!];
      this.#doing.set(worker, piece);
      worker.postMessage(piece.work);
    }
  }

  #start(script: URL, workerData: unknown): Worker {
    const worker = new Worker(script, { workerData });
    worker.on("message", (answer: Answer | FailedWork) => {
      const piece = this.#doing.get(worker);
      this.#doing.delete(worker);
      this.#idle.push(worker);
      piece?.done(answer);
      this.#hand();
    });
    const ended = (error: Error): void => {
      this.#broken ??= error;
      this.#doing.get(worker)?.failed(error);
      this.#doing.delete(worker);
      this.#hand();
    };
    worker.once("error", ended);
    worker.once("exit", () => {
      ended(new VriftError("EIO", "a thread that moves files has ended"));
    });
    return worker;
  }
}
