import { connect } from "../client/client.js";
import type { VriftClient } from "../client/client.js";
import { untilAnswered } from "../client/until-answered.js";
import type { Context } from "./command.js";
import { connectDaemon } from "./connect-daemon.js";

/** Runs `work` with a client bound to the workspace at `root`; the daemon is started when none runs. */
export async function withClient<T>(
  context: Context,
  root: string,
  work: (client: VriftClient) => Promise<T>,
): Promise<T> {
  const client = connect({ socketPath: context.home.daemonSocket });
  try {
    await untilAnswered(async () => {
      (await connectDaemon(context)).close();
      await client.register(root);
    });
    return await work(client);
  } finally {
    client.close();
  }
}
