import { access, readFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parse as parseYaml } from "yaml";
import { HitlessError } from "../base/error.ts";

export const CONFIG_NAMES = [
  "hitless.config.ts",
  "hitless.config.js",
  "hitless.config.json",
  "hitless.config.yaml",
  "hitless.config.yml",
] as const;

const INDEX = new URL(import.meta.url.endsWith(".ts") ? "../index.ts" : "../index.js", import.meta.url).href;
let hooked = false;

/** @throws ERR_CONFIG_NOT_FOUND, ERR_CONFIG_INVALID when there are several */
export async function findConfigFile(directory: string, named: string | null): Promise<string> {
  if (named !== null) return resolve(directory, named);
  const found: string[] = [];
  for (const name of CONFIG_NAMES) if (await exists(join(directory, name))) found.push(join(directory, name));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new HitlessError(
    found.length === 0
      ? {
          code: "ERR_CONFIG_NOT_FOUND",
          what: `There is no configuration file in ${directory}.`,
          why: `Looked for ${CONFIG_NAMES.join(", ")}.`,
          next: "Go to the application's directory, name the file with --config, or name a known app with --app.",
        }
      : {
          code: "ERR_CONFIG_INVALID",
          what: `There are ${String(found.length)} configuration files.`,
          next: "Keep one of them.",
          details: found,
        },
  );
}

/** The file's content as it stands. @throws ERR_CONFIG_NOT_FOUND, ERR_CONFIG_UNREADABLE */
export async function readConfigFile(path: string): Promise<unknown> {
  if (!(await exists(path))) throw new HitlessError({ code: "ERR_CONFIG_NOT_FOUND", what: `There is no file ${path}.` });
  try {
    switch (extname(path)) {
      case ".json":
        return JSON.parse(await readFile(path, "utf8")) as unknown;
      case ".yaml":
      case ".yml":
        return parseYaml(await readFile(path, "utf8"), { prettyErrors: true }) as unknown;
      default:
        return await importConfig(path);
    }
  } catch (error) {
    if (error instanceof HitlessError) throw error;
    throw new HitlessError(
      {
        code: "ERR_CONFIG_UNREADABLE",
        what: `${path} cannot be read.`,
        why: error instanceof Error ? error.message : String(error),
      },
      { cause: error },
    );
  }
}

/** `import … from "hitless"` in a configuration means this very package, wherever it is installed. */
async function importConfig(path: string): Promise<unknown> {
  if (!hooked) {
    hooked = true;
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === "hitless" ? { url: INDEX, shortCircuit: true } : next(specifier, context),
    });
  }
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (module.default === undefined) {
    throw new HitlessError({
      code: "ERR_CONFIG_INVALID",
      what: `${path} has no default export.`,
      next: "Write `export default defineConfig({ … })`.",
    });
  }
  return module.default;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
