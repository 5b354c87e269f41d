import { silentLogger } from "../../../src/base/log.ts";
import { RouteFile } from "../../../src/proxy/holder/route-file.ts";
import { tableOf } from "../../support/route-table.ts";

/** Saves one revision after the other, without end; says each one when it is on disk. */
const file = new RouteFile(process.argv[2] ?? "", silentLogger);
for (let revision = 1; ; revision += 1) {
  await file.save([tableOf(revision)]);
  process.stdout.write(`${String(revision)}\n`);
}
