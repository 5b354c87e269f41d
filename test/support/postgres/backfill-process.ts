/** `node backfill-process.ts <url> count|number`: a runner that can be killed. A dot for each batch; ends with 0 when the backfill has. */
import { backfillIn, counting, numbering } from "./backfill.ts";

const [url, what] = process.argv.slice(2);
if (url === undefined) throw new Error("usage: backfill-process.ts <url> count|number");
await backfillIn(url, what === "number" ? numbering(["id"]) : counting(["id"]), {
  batchMs: 3,
  onProgress: () => {
    process.stdout.write(".");
  },
});
