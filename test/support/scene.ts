import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import type { AppStatus, DaemonInfo, DeploymentStatus, Report } from "../../src/api/daemon.ts";
import { DaemonClient } from "../../src/cli/client.ts";
import type { Config } from "../../src/config/schema.ts";
import { freePort } from "./free-port.ts";
import { Command, type CommandPlace, type CommandResult } from "./cli.ts";
import { processesOf, type ProcessLine } from "./processes.ts";
import { until } from "./temp.ts";

const FIXTURE = fileURLToPath(new URL("apps/fixture.mjs", import.meta.url));

/** Fast where the defaults are careful: a test has no users that boot slowly. */
const WEB = {
  command: [process.execPath, "fixture.mjs"],
  instances: 2,
  health: { path: "/up", interval: "100ms", threshold: 1 },
  startDeadline: "60s",
} satisfies Config["processes"][string];

export type Web = Partial<Config["processes"][string]>;

/**
 * An operator's desk: a state directory of its own with whatever daemon, proxy and instances the test makes run there. `close` ends all of
 * it by force, whatever state the test has left it in.
 */
export class Scene {
  /** Short enough for unix sockets in it. */
  readonly root = mkdtempSync(join(tmpdir(), "hl-"));
  readonly state: string;
  /** What the command calls, without the half second that it takes to start one: for looking again and again. */
  readonly client: DaemonClient;
  readonly #commands: Command[] = [];

  /** `state` for a state directory with something special about it; it stays when the scene goes. */
  constructor(state?: string) {
    this.state = state ?? join(this.root, "state");
    this.client = new DaemonClient(this.state, "tester");
  }

  /** An app directory with the fixture application and a configuration. */
  async app(name = "shop", web: Web = {}): Promise<AppDirectory> {
    const app = new AppDirectory(this, name, await freePort());
    app.configure(web);
    return app;
  }

  /** Starts a command and comes back at once. */
  begin(args: readonly string[], place: Partial<CommandPlace> = {}): Command {
    const env = { HITLESS_STATE: this.state, ...place.env };
    const command = new Command(args, { cwd: this.root, ...place, env });
    this.#commands.push(command);
    return command;
  }

  run(args: readonly string[], place: Partial<CommandPlace> = {}): Promise<CommandResult> {
    return this.begin(args, place).ended();
  }

  /** A command that must do its work, and what it printed as JSON. */
  async json<T>(args: readonly string[], place: Partial<CommandPlace> = {}): Promise<T> {
    const { code, out, err } = await this.run([...args, "--json"], place);
    if (code !== 0) throw new Error(`hitless ${args.join(" ")} ended with ${String(code)}:\n${out}${err}`);
    return JSON.parse(out) as T;
  }

  up(): Promise<DaemonInfo> {
    return this.json(["up"]);
  }

  down(): Promise<CommandResult> {
    return this.run(["down"]);
  }

  /** What runs of this scene and is no command of the test: daemon, proxy, instances, and what they have left behind. */
  processes(): readonly ProcessLine[] {
    const own = new Set(this.#commands.map((command) => command.pid));
    return processesOf(this.root, this.state).filter(({ pid, command }) => command !== "" && !own.has(pid));
  }

  /** Removes every trace; safe to call again. */
  async close(): Promise<void> {
    for (const command of this.#commands) command.kill();
    await until(
      () => {
        const left = this.processes();
        for (const { pid } of left) end(pid);
        return left.length === 0;
      },
      { what: `everything of ${this.root} ends` },
    );
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** A directory as a developer has it, and the commands typed in there. */
export class AppDirectory {
  readonly scene: Scene;
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly url: string;

  constructor(scene: Scene, name: string, port: number) {
    this.scene = scene;
    this.name = name;
    this.port = port;
    this.path = join(scene.root, name);
    this.url = `http://127.0.0.1:${String(port)}`;
    mkdirSync(this.path);
    copyFileSync(FIXTURE, join(this.path, "fixture.mjs"));
  }

  /** Writes the configuration: the fixture as `web`, with what is given over it. */
  configure(web: Web = {}, more: Partial<Config> = {}): void {
    const config: Config = {
      app: this.name,
      listen: `127.0.0.1:${String(this.port)}`,
      processes: { web: this.web(web) },
      rollout: { batch: 1 },
      ...more,
    };
    this.write("hitless.config.json", JSON.stringify(config, null, 2));
  }

  /** The fixture as a process type, with what is given over it. */
  web(web: Web): Config["processes"][string] {
    return { ...WEB, ...web };
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.path, file), text);
  }

  /** A file as a release has it. */
  released(release: string, file: string): string {
    return readFileSync(join(this.scene.state, "apps", this.name, "releases", release, "tree", file), "utf8");
  }

  begin(args: readonly string[], place: Partial<CommandPlace> = {}): Command {
    return this.scene.begin(args, { cwd: this.path, ...place });
  }

  run(args: readonly string[], place: Partial<CommandPlace> = {}): Promise<CommandResult> {
    return this.begin(args, place).ended();
  }

  json<T>(args: readonly string[]): Promise<T> {
    return this.scene.json(args, { cwd: this.path });
  }

  /** A deployment that must succeed. */
  deploy(...more: readonly string[]): Promise<{ deployment: DeploymentStatus; report: Report | null }> {
    return this.json(["deploy", ...more]);
  }

  status(): Promise<AppStatus> {
    return this.scene.client.app(this.name);
  }

  /** Processes that run in a release of this app: exactly its instances, if nothing was left behind. */
  instanceProcesses(): readonly ProcessLine[] {
    return this.scene.processes().filter(({ directory }) => directory.startsWith(join(this.scene.state, "apps", this.name)));
  }

  /** Asks through the proxy: the release, instance and MESSAGE that answered. */
  async ask(): Promise<{ release: string; instance: string; message: string }> {
    const answer = await fetch(`${this.url}/release`);
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${this.url} answered ${String(answer.status)}: ${text}`);
    const [release = "", instance = "", message = ""] = text.trim().split(" ");
    return { release, instance, message };
  }

  /** Which instances answer when twice as many ask: with all of them in rotation, every one. */
  async answering(instances: number): Promise<readonly string[]> {
    const names = new Set<string>();
    for (let asked = 0; asked < 2 * instances; asked += 1) names.add((await this.ask()).instance);
    return [...names].sort();
  }
}

/** A scene for all tests of a file, made before the first and gone after the last, with this in it. */
export function sharedScene<T>(make: (scene: Scene) => Promise<T>): () => T {
  let scene: Scene | undefined;
  let made: { value: T } | undefined;
  beforeAll(async () => {
    scene = new Scene();
    made = { value: await make(scene) };
  });
  afterAll(() => scene?.close());
  return () => {
    if (made === undefined) throw new Error("The scene is made before the first test, not while the file is read.");
    return made.value;
  };
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was faster.
  }
}
