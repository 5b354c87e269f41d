import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { RESERVED } from "./reserved-variables.ts";
import type { ParsedConfig } from "./schema.ts";
import { sessionVariables } from "./sessions.ts";

type Variables = Readonly<Record<string, string>>;
const DEFAULT_FILE = ".env";
const REFERENCE = /^env:([A-Za-z_]\w*)$/;

export interface ResolvedEnvironment {
  /** Per process type. */
  readonly env: Readonly<Record<string, Variables>>;
  /** What a preview must say, or null. */
  readonly previewSecret: string | null;
  readonly problems: readonly string[];
}

/** Env files first, then `env` of the app, then `env` of the process type: the later one wins. */
export async function resolveEnvironment(
  config: ParsedConfig,
  directory: string,
  own: NodeJS.ProcessEnv,
): Promise<ResolvedEnvironment> {
  const problems: string[] = [];
  const files = await readFiles(config.envFiles ?? null, directory, problems);
  const shared = { ...files, ...resolveAll("env", config.env ?? {}, own, problems) };
  const sessions = readSessions(config, own, problems);
  const env = Object.entries(config.processes).map(([type, process]) => {
    const specific = resolveAll(`processes.${type}.env`, process.env ?? {}, own, problems);
    const { port } = process.health;
    if (port !== undefined && port in { ...config.env, ...process.env, ...sessions })
      problems.push(`processes.${type}.health.port: ${port} has a value already, and Hitless would put the port there`);
    return [type, { ...shared, ...specific, ...sessions }] as const;
  });
  const secret = config.preview?.secret;
  const preview = secret === undefined ? {} : resolveAll("preview", { secret }, own, problems);
  return { env: Object.fromEntries(env), previewSecret: preview["secret"] ?? null, problems };
}

function readSessions({ sessions }: ParsedConfig, own: NodeJS.ProcessEnv, problems: string[]): Variables {
  if (sessions === undefined) return {};
  const { store } = resolveAll("sessions", { store: sessions.store }, own, problems);
  return sessionVariables(sessions, store, problems);
}

async function readFiles(names: readonly string[] | null, directory: string, problems: string[]): Promise<Variables> {
  let all: Variables = {};
  for (const [index, name] of (names ?? [DEFAULT_FILE]).entries()) {
    try {
      const variables = parseEnv(await readFile(join(directory, name), "utf8"));
      all = { ...all, ...(variables as Variables) };
    } catch (error) {
      if (names !== null)
        problems.push(
          `envFiles[${String(index)}]: ${name} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
        );
    }
  }
  return all;
}

function resolveAll(
  path: string,
  given: Readonly<Record<string, string | number | boolean>>,
  own: NodeJS.ProcessEnv,
  problems: string[],
): Variables {
  const resolved: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (RESERVED.test(name)) problems.push(`${path}.${name}: is set by Hitless itself`);
    const reference = REFERENCE.exec(String(value))?.[1];
    const text = reference === undefined ? String(value) : own[reference];
    if (text === undefined)
      problems.push(`${path}.${name}: found "${String(value)}", but ${reference ?? ""} is not set in this environment`);
    else resolved[name] = text;
  }
  return resolved;
}
