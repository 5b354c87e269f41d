import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Failure } from "../../../src/base/error.ts";
import { HitlessError } from "../../../src/base/error.ts";
import { loadAppName, loadConfig } from "../../../src/config/load.ts";
import { temporaryDirectory } from "../../support/temp.ts";

const MINIMAL = "app: shop\nlisten: 8080\nprocesses:\n  web:\n    command: node server.js\n";

function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = temporaryDirectory();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

async function failureOf(directory: string, env: NodeJS.ProcessEnv = {}): Promise<Failure> {
  try {
    await loadConfig({ directory, file: null, env });
  } catch (error) {
    if (error instanceof HitlessError) return error.failure;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a configuration file", () => {
  test.each([
    ["hitless.config.yaml", MINIMAL],
    ["hitless.config.yml", MINIMAL],
    ["hitless.config.json", JSON.stringify({ app: "shop", listen: 8080, processes: { web: { command: "node server.js" } } })],
    ["hitless.config.js", 'export default { app: "shop", listen: 8080, processes: { web: { command: "node server.js" } } };'],
  ])("named %s gives the same as every other kind", async (name, content) => {
    const directory = directoryWith({ [name]: content, "package.json": '{ "type": "module" }' });
    const { spec, source, build } = await loadConfig({ directory, file: null, env: {} });
    expect({ source, build }).toEqual({ source: directory, build: null });
    expect(spec).toMatchObject({
      app: "shop",
      listen: { host: "127.0.0.1", port: 8080 },
      rollout: { strategy: "rolling", batch: { kind: "percent", percent: 25 }, promoteAfterMs: 0, standbyMs: 600_000 },
      proxy: { holdMs: 10_000, firstByteTimeoutMs: 60_000 },
      releasesKept: 5,
      processes: {
        web: {
          instances: 1,
          traffic: true,
          startDeadlineMs: 30_000,
          drainTimeoutMs: 30_000,
          stopSignal: "SIGTERM",
          stopGraceMs: 10_000,
        },
      },
    });
    expect(spec.processes["web"]?.health).toMatchObject({
      path: "/up",
      intervalMs: 500,
      timeoutMs: 2_000,
      passes: 2,
      failures: 3,
    });
  });

  test("in TypeScript may import hitless wherever it is", () => {
    const content =
      'import { defineConfig } from "hitless";\nconst app: string = "shop";\n' +
      'export default defineConfig({ app, listen: 8080, processes: { web: { command: "node server.js" } } });';
    const directory = directoryWith({ "hitless.config.ts": content, "package.json": '{ "type": "module" }' });
    // In a process of its own: the test runner resolves imports by itself.
    const load = new URL("../../../src/config/load.ts", import.meta.url).href;
    const script = `const { loadAppName } = await import("${load}"); console.log(await loadAppName({ directory: ".", file: null, env: {} }));`;
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], { cwd: directory, encoding: "utf8" });
    expect(run.stdout.trim(), run.stderr).toBe("shop");
  });

  test("that is missing names the places that were looked at", async () => {
    const failure = await failureOf(temporaryDirectory());
    expect(failure.code).toBe("ERR_CONFIG_NOT_FOUND");
    expect(failure.why).toContain("hitless.config.ts");
  });

  test("beside another one is ambiguous", async () => {
    const failure = await failureOf(directoryWith({ "hitless.config.yaml": MINIMAL, "hitless.config.json": "{}" }));
    expect(failure.code).toBe("ERR_CONFIG_INVALID");
    expect(failure.details).toHaveLength(2);
  });

  test("that is not YAML says where", async () => {
    const failure = await failureOf(directoryWith({ "hitless.config.yaml": "app: [" }));
    expect(failure.code).toBe("ERR_CONFIG_UNREADABLE");
    expect(failure.why).toMatch(/line 1/);
  });

  test("without a default export says what to write", async () => {
    const failure = await failureOf(
      directoryWith({ "hitless.config.js": "export const app = 1;", "package.json": '{ "type": "module" }' }),
    );
    expect(failure.next).toContain("export default");
  });

  test("gives the app's name alone without resolving the environment", async () => {
    const directory = directoryWith({ "hitless.config.yaml": `${MINIMAL}env: { SECRET: "env:NOT_SET" }\n` });
    expect(await loadAppName({ directory, file: null, env: {} })).toBe("shop");
  });
});

describe("problems", () => {
  test("are all listed at once, each with its path, what was found and what is expected", async () => {
    const config = {
      app: "Shop!",
      listen: "here",
      porcesses: {},
      build: "",
      processes: {
        web: {
          command: 3,
          instances: -1,
          health: { path: "up", interval: "5 s" },
          stopSignal: "SIGNOPE",
          drainTimeout: "2 days",
        },
        "B c": { command: "a" },
        worker: { comand: "x" },
      },
      rollout: { strategy: "yolo", batch: "0%" },
    };
    const failure = await failureOf(directoryWith({ "hitless.config.json": JSON.stringify(config) }));
    expect(failure.code).toBe("ERR_CONFIG_INVALID");
    const text = (failure.details ?? []).join("\n");
    for (const expected of [
      'app: found "Shop!", expected a name',
      'listen: found "here", expected a port such as 8080',
      "porcesses: there is no such key here",
      'build: found "", expected a command line',
      "processes.web.command: found 3, expected a command line",
      "processes.web.instances: found -1, expected a whole number from 0 to 10000",
      'processes.web.health.path: found "up", expected a path such as "/up"',
      'processes.web.health.interval: found "5 s", expected a time such as',
      'processes.web.stopSignal: found "SIGNOPE", expected a signal such as SIGTERM',
      'processes.web.drainTimeout: found "2 days", expected a time such as',
      "processes.B c: expected a name",
      "processes.worker.command: is missing, expected a command line",
      "processes.worker.comand: there is no such key here",
      'rollout.strategy: found "yolo", expected one of: rolling, blue-green',
      'rollout.batch: found "0%", expected a number of instances',
    ]) {
      expect(text).toContain(expected);
    }
    expect(text).not.toMatch(/Invalid|pattern/);
  });

  test("of something that is no object at all are said, not thrown", async () => {
    expect((await failureOf(directoryWith({ "hitless.config.json": "[]" }))).details).toHaveLength(1);
  });
});

describe("the environment", () => {
  const config = (env: string, more = ""): string => `${MINIMAL}    env: ${env}\n${more}`;

  test("takes files first, then the app's variables, then those of the process type", async () => {
    const directory = directoryWith({
      "hitless.config.yaml": config(
        '{ C: "process", N: 3, B: true }',
        'envFiles: [a.env, b.env]\nenv: { B: "app", C: "app", D: "env:OUTER" }\n',
      ),
      "a.env": "A=a\nB=a\n",
      "b.env": 'A="from b"\n',
    });
    const { env } = await loadConfig({ directory, file: null, env: { OUTER: "outside" } });
    expect(env).toEqual({ web: { A: "from b", B: "true", C: "process", D: "outside", N: "3" } });
  });

  test("reads .env when it is there", async () => {
    const directory = directoryWith({ "hitless.config.yaml": MINIMAL, ".env": "A=1" });
    expect((await loadConfig({ directory, file: null, env: {} })).env).toEqual({ web: { A: "1" } });
  });

  test("lists every reference and file that is missing, and every name that is ours", async () => {
    const directory = directoryWith({
      "hitless.config.yaml": config('{ A: "env:NOPE", PORT: 1 }', 'envFiles: [gone.env]\nenv: { B: "env:NEITHER" }\n'),
    });
    const failure = await failureOf(directory);
    expect(failure.code).toBe("ERR_ENV_MISSING");
    expect(failure.details).toEqual([
      expect.stringContaining("envFiles[0]: gone.env cannot be read (ENOENT)"),
      'env.B: found "env:NEITHER", but NEITHER is not set in this environment',
      'processes.web.env.A: found "env:NOPE", but NOPE is not set in this environment',
      "processes.web.env.PORT: is set by Hitless itself",
    ]);
  });
});

describe("details", () => {
  test.each([
    ['"0.0.0.0:80"', { host: "0.0.0.0", port: 80 }],
    ['"[::1]:8080"', { host: "::1", port: 8080 }],
    ['"9000"', { host: "127.0.0.1", port: 9000 }],
    ["0", { host: "127.0.0.1", port: 0 }],
  ])("listen: %s", async (text, address) => {
    const directory = directoryWith({ "hitless.config.yaml": MINIMAL.replace("8080", text) });
    expect((await loadConfig({ directory, file: null, env: {} })).spec.listen).toEqual(address);
  });

  test("other process types have no traffic unless they say so, and their source is relative to the file", async () => {
    const directory = directoryWith({
      "hitless.config.yaml": `${MINIMAL}    health: /ready\n  worker: { command: [node, worker.js] }\n  api: { command: x, traffic: true }\nsource: code\nrollout: { batch: 2 }\n`,
    });
    mkdirSync(join(directory, "code"));
    const { spec, source } = await loadConfig({ directory, file: null, env: {} });
    expect(source).toBe(join(directory, "code"));
    expect(spec.rollout.batch).toEqual({ kind: "count", count: 2 });
    expect(spec.processes["web"]?.health?.path).toBe("/ready");
    expect(spec.processes["worker"]).toMatchObject({ traffic: false, health: null, command: ["node", "worker.js"] });
    expect(spec.processes["api"]).toMatchObject({ traffic: true, health: { path: "/up" } });
  });
});
