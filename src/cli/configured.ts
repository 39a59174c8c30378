import { configuredHome, loadConfig } from "../platform/config.js";
import type { Home } from "../platform/paths.js";

/**
 * The home with what its configuration says of it: where the store is.
 * @param anyStore does not mind that the home's trees were made with another one.
 */
export async function configured(home: Home, anyStore = false): Promise<Home> {
  const config = await loadConfig({ home });
  return anyStore ? { ...home, source: config.source } : configuredHome(home, config);
}
