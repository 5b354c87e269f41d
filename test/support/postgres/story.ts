import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { postgresDatabase } from "../../../src/adapters/postgres/database.ts";
import { postgresShadows } from "../../../src/adapters/postgres/shadow/shadows.ts";
import type { Plan } from "../../../src/database/plan/action.ts";
import { tryPlan } from "../../../src/engine/database/trial.ts";
import { BusyClient, type Turn } from "./clients.ts";
import { contractIn, expandIn, giveNamesBackIn, planOf, revertIn, softenIn, urlOf, type ReleaseSources } from "./release.ts";
import { query, startServer, type TestServer } from "./server.ts";
import { WaitWatch } from "./waits.ts";

export interface Story extends ReleaseSources {
  /** The oldest PostgreSQL that knows what the migration says. */
  readonly since?: number;
  readonly setup?: string;
  /** What clients of the running release do, again and again. */
  readonly old?: Turn;
  /** What clients of the new release do. */
  readonly next?: Turn;
  /** True wherever the story has ended well; run after the contract. */
  readonly holds?: string;
}

const SETUP = `
  CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, price int NOT NULL DEFAULT 1, code varchar(10), note text);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id bigint REFERENCES users, at timestamptz NOT NULL DEFAULT now());
  INSERT INTO users (name, price, code) SELECT 'u' || i, i, 'c' || i FROM generate_series(1, 3000) i;
  INSERT INTO orders (user_id) SELECT i FROM generate_series(1, 1000) i;
  ANALYZE;`;

const oldTurn: Turn = async (run, turn) => {
  await run("INSERT INTO users (name, price, code) VALUES ($1, $2, 'x')", [`old${String(turn)}`, turn % 1000]);
  await run("UPDATE users SET note = 'seen', price = price WHERE id = $1", [(turn % 3000) + 1]);
  await run("SELECT id, name, price, code FROM users WHERE id = $1", [(turn % 3000) + 1]);
};

/** Tells them on the oldest and the newest server that is tested; `more` has other tests on the same ones. */
export function describeStories(
  title: string,
  stories: Readonly<Record<string, Story>>,
  more: (server: () => TestServer) => void = () => undefined,
): void {
  describe.each([18, 15] as const)(`${title}, on PostgreSQL %i`, (major) => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startServer(major);
    }, 60_000);
    afterAll(() => server.stop());

    const known = Object.entries(stories).filter(([, { since = 0 }]) => major >= since);
    it.each(known)("%s", async (_, story) => {
      await tell(server, story);
    });
    more(() => server);
  });
}

const templates = new WeakMap<TestServer, Promise<string>>();

/** A database in which SETUP has run: a copy of one that is made once for each server. */
export async function usersDatabase(server: TestServer): Promise<string> {
  const template = templates.get(server) ?? templateOn(server);
  templates.set(server, template);
  return server.database(await template);
}

async function templateOn(server: TestServer): Promise<string> {
  const url = await server.database();
  await query(url, SETUP);
  return new URL(url).pathname.slice(1);
}

/** Expand, go back, expand again, contract: with both releases reading and writing wherever they live. */
export async function tell(server: TestServer, story: Story): Promise<string> {
  const url = await usersDatabase(server);
  if (story.setup !== undefined) await query(url, story.setup);
  const olds = await Promise.all([1, 2].map(async () => BusyClient.start(await urlOf(url, 1), story.old ?? oldTurn)));
  onTestFinished(async () => {
    for (const old of olds) await old.stop();
  });
  const plan = await planOf(url, 2, story);
  expect(plan.refusals).toEqual([]);
  await expectTried(url, plan);
  const watch = await WaitWatch.start(url);
  onTestFinished(async () => {
    await watch.stop();
  });
  await expandIn(url, plan);
  const meanwhile = async (): Promise<void> => {
    if (story.next === undefined) return;
    const client = await BusyClient.start(await urlOf(url, 2), story.next);
    await Promise.all([client.turns(40), olds[0]!.turns(40)]);
    expect((await client.stop()).errors).toEqual([]);
  };
  await meanwhile();
  await revertIn(url, 2);
  await olds[0]!.turns(20);
  await expandIn(url, await planOf(url, 2, story));
  const next = story.next === undefined ? null : await BusyClient.start(await urlOf(url, 2), story.next);
  onTestFinished(async () => {
    await next?.stop();
  });
  await olds[0]!.turns(20);
  await next?.turns(40);
  for (const old of olds) {
    expect((await old.stop()).errors).toEqual([]);
  }
  const soft = plan.swaps === undefined ? null : await soften(url, { story, next });
  await contractIn(url, 2);
  if (soft !== null) expect(soft.columns).toEqual(await columnsIn(url));
  await next?.turns(20);
  expect((await next?.stop())?.errors ?? []).toEqual([]);
  expect(await watch.stop(), "waited for Hitless").toEqual([]);
  if (story.holds !== undefined)
    expect((await query<{ ok: boolean }>(url, `SELECT (${story.holds}) AS ok`))[0]?.ok, story.holds).toBe(true);
  expect(await query(url, "SELECT nspname FROM pg_namespace WHERE nspname ~ '^hitless_'")).toEqual([]);
  expect(await query(url, "SELECT tgname FROM pg_trigger WHERE tgname ~ 'hitless'")).toEqual([]);
  return url;
}

/** A soft contract, from which an older release comes back once. Gives the columns that the base shows meanwhile. */
async function soften(url: string, { story, next }: { story: Story; next: BusyClient | null }): Promise<{ columns: unknown }> {
  await softenIn(url, 2);
  await next?.turns(20);
  await giveNamesBackIn(url, 1);
  const back = await BusyClient.start(await urlOf(url, 1), story.old ?? oldTurn);
  await Promise.all([back.turns(20), next?.turns(20)]);
  expect((await back.stop()).errors).toEqual([]);
  await softenIn(url, 2);
  await next?.turns(20);
  return { columns: await columnsIn(url) };
}

/** Of the base's tables, without what is kept: what psql and reports see. */
function columnsIn(url: string): Promise<readonly unknown[]> {
  return query(
    url,
    `SELECT table_name, column_name, data_type FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
     WHERE table_type = 'BASE TABLE' AND table_schema = 'public' AND column_name !~ '^hitless_kept_' ORDER BY 1, 2`,
  );
}

/** The plan runs on a copy too, and there does what its rules say. */
async function expectTried(url: string, plan: Plan): Promise<void> {
  const tried = await tryPlan(postgresShadows, {
    plan,
    catalog: await postgresDatabase.catalog(url),
    corpora: { running: [], next: [] },
    shadowUrl: url,
  });
  expect(tried.gaps).toEqual([]);
  expect(tried.plan.refusals).toEqual([]);
  const said = ({ actions }: Plan): string[] =>
    actions.map(({ id, title, lock, work }) => `${id} ${title}: ${lock ?? "none"}, ${work}`);
  expect(said(tried.plan)).toEqual(said(plan));
  expect(tried.plan.swaps).toEqual(plan.swaps);
}

export const hasColumn = (table: string, column: string, more = "true"): string =>
  `SELECT count(*) = 1 FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '${table}' AND column_name = '${column}' AND ${more}`;
