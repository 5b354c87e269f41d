import fc from "fast-check";
import { expect, test } from "vitest";
import type { RouteTable } from "../../../../src/core/routes.ts";
import { throwIfOlder } from "../../../../src/proxy/holder/table-order.ts";

const order = fc.record({ epoch: fc.integer({ min: 1, max: 4 }), revision: fc.integer({ min: 1, max: 6 }) });

function tableOf({ epoch, revision }: { epoch: number; revision: number }): RouteTable {
  const proxy = { holdMs: 1, firstByteTimeoutMs: 1 };
  return { app: "shop", epoch, revision, listen: { host: "127.0.0.1", port: 80 }, tls: null, proxy, pools: [] };
}

const isAccepted = (known: RouteTable, table: RouteTable): boolean => {
  try {
    throwIfOlder(known, table);
    return true;
  } catch {
    return false;
  }
};

test("scenario 82: whatever order the tables of two deployments come in, an older one never replaces a newer one", () => {
  fc.assert(
    fc.property(fc.array(order, { minLength: 1 }), (orders) => {
      const tables = orders.map(tableOf);
      const held = tables.reduce((known, table) => (isAccepted(known, table) ? table : known));
      const newest = tables.toSorted((a, b) => a.epoch - b.epoch || a.revision - b.revision).at(-1);
      expect([held.epoch, held.revision]).toEqual([newest?.epoch, newest?.revision]);
    }),
  );
});
