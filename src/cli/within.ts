import { VriftError } from "../platform/errors.js";

/**
 * What the work resolves to, when it does so in time. Nobody is told to give up: for requests that a frozen daemon will not
 * answer any more.
 * @throws VriftError ETIMEDOUT.
 */
export async function within<T>(milliseconds: number, doing: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new VriftError("ETIMEDOUT", `${doing} took more than ${milliseconds / 1000} s`));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // Whatever comes of it later was not asked for any more.
    work.catch(() => undefined);
  }
}
