import { writeFileSync } from "node:fs";
import { configJsonSchema } from "../src/config/schema.ts";

/** Writes the JSON Schema of the configuration, for editors. */
writeFileSync(
  new URL("../schema/hitless.config.schema.json", import.meta.url),
  `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
);
