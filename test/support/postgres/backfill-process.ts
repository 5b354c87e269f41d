/** `node backfill-process.ts <url>`: a runner that can be killed. A dot for each batch; ends with 0 when the backfill has. */
import { backfillIn, counting } from "./backfill.ts";

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error("usage: backfill-process.ts <url>");
await backfillIn(url, counting(["id"]), {
  batchMs: 3,
  onProgress: () => {
    process.stdout.write(".");
  },
});
