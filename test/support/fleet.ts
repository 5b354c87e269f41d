import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { InstanceFiles } from "../../src/adapters/process/instance-file.ts";
import { ProcessFleet } from "../../src/adapters/process/fleet.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { Exit } from "../../src/ports/fleet.ts";
import type { Store } from "../../src/ports/store.ts";
import { APP, UNFENCED } from "./fleet-request.ts";
import { temporaryDirectory } from "./temp.ts";

export const SOFTLY = { signal: "SIGTERM", graceMs: 10_000, epoch: 1 } as const;

export interface TestFleet {
  readonly fleet: ProcessFleet;
  readonly exits: Exit[];
  readonly state: string;
}

/** A fleet whose instances end with the running test. */
export function testFleet(state: string = temporaryDirectory(), fence: Pick<Store, "fenced"> = UNFENCED): TestFleet {
  const fleet = new ProcessFleet(state, silentLogger, fence);
  const exits: Exit[] = [];
  fleet.onExit((exit) => exits.push(exit));
  onTestFinished(async () => {
    const records = await instanceFiles(state).all();
    await Promise.all(
      records.map(({ instance }) => fleet.stop(APP, instance, { signal: "SIGKILL", graceMs: 0, epoch: Number.MAX_SAFE_INTEGER })),
    );
    fleet.close();
  });
  return { fleet, exits, state };
}

export function instanceFiles(state: string): InstanceFiles {
  return new InstanceFiles(join(state, "apps", APP));
}

/** The kernel's letter for what the process does (proc(5)), or null if there is none. */
export function stateOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0] ?? null;
  } catch {
    return null;
  }
}

/** False for a zombie too: whether somebody reaps it is not ours to say. */
export function runs(pid: number): boolean {
  return ![null, "Z", "X"].includes(stateOf(pid));
}
