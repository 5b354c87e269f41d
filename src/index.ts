import type { Config } from "./config/schema.ts";

export type { Config };

/** Gives a configuration back as it is, with the editor's help in writing it. */
export function defineConfig(config: Config): Config {
  return config;
}
