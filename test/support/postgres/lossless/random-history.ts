import type { Rng } from "../../../../src/base/rng.ts";
import { History } from "./history.ts";
import { LiveTable } from "./live-table.ts";
import { randomTable } from "./random-table.ts";

/** One to three releases with SQL, all of one table or of two. */
export async function playRandomHistory(url: string, rng: Rng): Promise<void> {
  const releases = rng.pick([1, 1, 2, 3]);
  const names =
    rng.chance(0.3) && releases > 1
      ? ([
          ["t", "u"],
          ["v", "w"],
        ] as const)
      : ([["t", "u"]] as const);
  const order = Array.from({ length: releases }, () => rng.between(0, names.length - 1));
  const tables = names.map((pair, place) => {
    const own = order.filter((one) => one === place).length;
    return new LiveTable(randomTable(rng, { releases: own, names: pair, place: place * 100 }));
  });
  await new History(url, rng, tables).play(order.map((place) => tables[place]!));
}
