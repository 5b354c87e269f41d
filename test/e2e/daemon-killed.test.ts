import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { expectEqualBooks } from "../support/books.ts";
import { Site, type SiteOptions } from "../support/site.ts";
import { temporaryDirectory, until } from "../support/temp.ts";

const DIE_ON_RECORD = fileURLToPath(new URL("../support/apps/die-on-record.mjs", import.meta.url));
const STEPS = ["preparing", "starting", "warming", "adding", "removing", "draining", "stopping", "closing"];
/** The first batch works, the second finds the directory that the first one has made, and fails. */
const HALF_BROKEN: SiteOptions = { web: { command: `mkdir once && exec ${process.execPath} fixture.mjs` } };
/** Entries that a deployment has written before its second batch begins, at the least. */
const FIRST_BATCH_ENTRIES = 9;

test(
  "scenarios 78, 79 and 104: killed at any entry of its journal, the daemon finishes the deployment, and nothing is lost",
  { timeout: 240_000 },
  async () => {
    const site = await killableSite();
    const users = site.users({ rate: 300 });
    const deaths = await dieAtEveryEntry(site, { batch: "100%" });
    expectNearlyAll(STEPS, deaths);
    for (const { step, outcome } of deaths) {
      if (step !== "nothing") expect(outcome, step).toBe(step === "preparing" ? "rolled-back" : "done");
    }
    await expectEqualBooks(site, users);
  },
);

test(
  "scenario 79: killed while a deployment goes back, the daemon brings the old release back, and nothing is lost",
  { timeout: 240_000 },
  async () => {
    const site = await killableSite();
    const users = site.users({ rate: 300 });
    const deaths = await dieAtEveryEntry(site, HALF_BROKEN, FIRST_BATCH_ENTRIES);
    expectNearlyAll(
      STEPS.slice(1),
      deaths.filter(({ back }) => back),
    );
    expect(new Set(deaths.map(({ outcome }) => outcome))).toEqual(new Set(["rolled-back"]));
    await expectEqualBooks(site, users);
  },
);

/** Each entry is died at once, but what stands there differs from run to run: a step that is over within one entry may be missed. */
function expectNearlyAll(steps: readonly string[], deaths: readonly Death[]): void {
  const missed = steps.filter((step) => !deaths.some((death) => death.step === step));
  expect(missed.length, `never died in ${missed.join(", ")}`).toBeLessThanOrEqual(2);
}

interface Death {
  /** The deployment's step when the daemon came back; `nothing` if it had not begun yet. */
  readonly step: string;
  readonly back: boolean;
  readonly outcome: string | null;
}

interface KillableSite extends Site {
  dieFile: string;
}

async function killableSite(): Promise<KillableSite> {
  const dieFile = join(temporaryDirectory(), "die");
  const site = await Site.deployed({}, { NODE_OPTIONS: `--import ${DIE_ON_RECORD}`, DIE_FILE: dieFile });
  return Object.assign(site, { dieFile });
}

/**
 * One deployment after the other, each time with a daemon that dies one journal entry later, until one ends first. What the entry orders
 * has been done (it dies before the next one is on record) and has not been done (it dies at once) in turn.
 */
async function dieAtEveryEntry(site: KillableSite, options: SiteOptions, first = 0): Promise<readonly Death[]> {
  const deaths: Death[] = [];
  for (let entry = first; ; entry += 1) {
    site.write(`dies after entry ${String(entry)}`, options);
    const before = site.instances();
    writeFileSync(site.dieFile, entry % 2 === 0 ? `before ${String(entry + 1)}` : `after ${String(entry)}`);
    const name = await site.begin().catch(() => null);
    const survived = name !== null && (await site.ended(name).catch(() => null)) !== null;
    const atDeath = site.instances();
    rmSync(site.dieFile);
    if (survived) return deaths;
    await site.succeeds("up");
    deaths.push(await recovered(site));
    await expectOneRelease(site, new Map([...before, ...atDeath]));
  }
}

async function recovered(site: Site): Promise<Death> {
  const { deployment } = await site.client.app(Site.app);
  const name = deployment?.name ?? "";
  const { outcome } = await site.ended(name);
  const { notes } = await site.client.progress(Site.app, name, 0, 0);
  const at = notes.findIndex(({ text }) => text.startsWith("the daemon is back"));
  const step = /goes on from (\w+)$/.exec(notes[at]?.text ?? "")?.[1] ?? "nothing";
  return { step, back: notes.slice(0, at).some(({ text }) => text.startsWith("going back to")), outcome };
}

/** All new or all old, at full size, nothing else running; and whatever ran before runs on as the same process. */
async function expectOneRelease(site: Site, ranBefore: ReadonlyMap<string, number>): Promise<void> {
  const app = await until(async () => {
    const status = await site.client.app(Site.app);
    return status.instances.length === 2 && status.instances.every(({ health }) => health === "up") && status;
  });
  expect(app.instances.map(({ release }) => release)).toEqual([app.active, app.active]);
  const running = site.instances();
  expect(running).toEqual(new Map(app.instances.map(({ name, pid }) => [name, pid])));
  for (const [name, pid] of running) if (ranBefore.has(name)) expect(pid, name).toBe(ranBefore.get(name));
}
