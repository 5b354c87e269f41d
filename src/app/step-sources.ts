import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileSources } from "../adapters/postgres/sources.ts";
import { readSteps, type StepFile } from "../config/steps/steps.ts";
import type { AppSpec } from "../core/app-spec.ts";
import { EXPAND, STEPS_DIRECTORY, type StepDefinition } from "../core/preparation/step-definition.ts";
import { invalidSteps } from "../engine/preparation/invalid-steps.ts";
import type { StepSources } from "../ports/steps.ts";

/** Files in which there may be SQL. */
const WITH_SQL = /\.(?:sql|yaml)$/;

/** The steps directory of a release, and the expansion of its database where it has one. */
export const stepSources: StepSources = {
  read: async (directory, spec) => {
    const files = await filesIn(directory);
    const hasDatabase = spec.database !== undefined;
    const language = hasDatabase && files.some(({ path }) => WITH_SQL.test(path)) ? await fileSources.language() : null;
    const { steps, problems } = readSteps(files, { hasDatabase, language });
    if (problems.length === 0) return [...steps, ...(await expansion(directory, spec))];
    throw invalidSteps(problems);
  },
};

async function filesIn(directory: string): Promise<readonly StepFile[]> {
  const base = join(directory, STEPS_DIRECTORY);
  const entries = await readdir(base, { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const names = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(base, name));
      return { path: `${STEPS_DIRECTORY}/${name}`, text: bytes.toString("utf8"), sha256: sum([bytes]) };
    }),
  );
}

/** What the migrations and procedures bring: with another file it is another one. A deployment does it itself where nobody did it before. */
async function expansion(directory: string, { database }: AppSpec): Promise<readonly StepDefinition[]> {
  const places = [database?.migrations, database?.procedures].filter((place) => typeof place === "string");
  if (places.length === 0) return [];
  const files = (await Promise.all(places.map((place) => fileSources.read(join(directory, place))))).flatMap(
    (read) => read ?? [],
  );
  const digest = sum(files.map(({ path, sha256 }) => `${path} ${sha256}\n`));
  const conditions = { needs: [], required: false, window: null, maxTimeMs: null, maxLoad: null, throttle: 100, undo: null };
  return [{ name: EXPAND, path: places.join(", "), digest, work: { kind: "expand" }, ...conditions }];
}

function sum(parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
