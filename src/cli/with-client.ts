import { connect } from "../client/client.js";
import type { VriftClient } from "../client/client.js";
import { ensureDaemon } from "../daemon/start.js";
import type { Context } from "./command.js";

/** Runs `work` with a client bound to the workspace at `root`; the daemon is started when none runs. */
export async function withClient<T>(
  { home }: Context,
  root: string,
  work: (client: VriftClient) => Promise<T>,
): Promise<T> {
  await ensureDaemon(home);
  const client = connect({ socketPath: home.daemonSocket });
  try {
    await client.register(root);
    return await work(client);
  } finally {
    client.close();
  }
}
