import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { DemoPostgres } from "../../../scripts/demo/postgres.ts";
import { temporaryDirectory } from "../temp.ts";
import { AppProcess } from "./app-process.ts";

const SHOP = fileURLToPath(new URL("../../../examples/shop/", import.meta.url));
const MODULES = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** The example's directory as its developer has it, with the dependency that the repository has anyway. */
export function shopDirectory(release: number): string {
  const directory = join(temporaryDirectory(), "shop");
  mkdirSync(directory);
  cpSync(join(SHOP, "app"), directory, { recursive: true, filter: (path) => !path.includes("node_modules") });
  if (release === 2) cpSync(join(SHOP, "release-2"), directory, { recursive: true });
  symlinkSync(MODULES, join(directory, "node_modules"));
  return directory;
}

/** A database as the first deployment of release 1 leaves it. */
export async function shopDatabase(postgres: DemoPostgres, name: string): Promise<string> {
  await postgres.query(`CREATE DATABASE ${name}`);
  const url = postgres.url.replace(/[^/]*$/, name);
  for (const file of ["app/migrations/0001_orders.sql", "app/procedures/create_order.sql"]) await rows(url, shopSource(file));
  return url;
}

export const shopSource = (path: string): string => readFileSync(join(SHOP, path), "utf8");

export function startShop(directory: string, url: string, env: Record<string, string> = {}): Promise<AppProcess> {
  return AppProcess.start({ command: process.execPath, args: ["server.js"], directory, env: { DATABASE_URL: url, ...env } });
}

export async function rows<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}
