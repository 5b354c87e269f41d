/** `node scripts/guidelines-doc.ts` writes docs/sql-guidelines.md from the planner's rules; a test fails when it is stale. */
import { writeFileSync } from "node:fs";
import { guidelinesDocument } from "../src/database/rules/rules.ts";

writeFileSync(new URL("../docs/sql-guidelines.md", import.meta.url), guidelinesDocument());
