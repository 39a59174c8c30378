import { configuredHome, loadConfig } from "../platform/config.js";
import type { Home } from "../platform/paths.js";

/** The home with what its configuration says of it: where the store is. */
export async function configured(home: Home): Promise<Home> {
  return configuredHome(home, await loadConfig({ home }));
}
