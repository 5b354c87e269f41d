import fc from "fast-check";

/**
 * Properties look at the same examples in every run, so that a red run says something about the change and not about chance.
 * `HITLESS_EXPLORE=1` looks at new ones; a failure names its seed.
 */
if (process.env["HITLESS_EXPLORE"] === undefined) fc.configureGlobal({ seed: 20_261_128 });
