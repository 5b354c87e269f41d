/** Seeds that once found something, and what. They say what they found only as long as the draws of a run stay as they are. */
export const KNOWN_SEEDS: readonly (readonly [seed: number, found: string])[] = [
  [208, "a port call that failed after the engine that made it had crashed"],
  [234, "an instance that became ready after its stop was ordered, and was routed"],
  [32_140, "a table of an engine that was replaced, which came to the proxy before the first one of the new engine"],
  [23_671, "an instance of the old side that ended during the preview and was not replaced"],
  [104_637, "readiness that was waited for as long as the clock had been set back"],
  [106_424, "an instance that was to go before it was ready, and served when the deployment went back"],
  [3_342, "an aborted deployment whose old side had all ended while the daemon was away: nothing served until it was back"],
  [6_298, "a release that came into use between a prune and its repetition, and was removed"],
  [6_874, "an instance that went although another had ended while the daemon was away"],
  [8_597, "an instance that a daemon had started before it died, and that nobody stopped when its start, repeated, failed"],
];
