/** Seeds that once found something, and what. They say what they found only as long as the draws of a run stay as they are. */
export const KNOWN_SEEDS: readonly (readonly [seed: number, found: string])[] = [
  [208, "a port call that failed after the engine that made it had crashed"],
  [234, "an instance that became ready after its stop was ordered, and was routed"],
  [32_140, "a table of an engine that was replaced, which came to the proxy before the first one of the new engine"],
  [23_671, "an instance of the old side that ended during the preview and was not replaced"],
  [104_637, "readiness that was waited for as long as the clock had been set back"],
  [106_424, "an instance that was to go before it was ready, and served when the deployment went back"],
];
