import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { DeploymentStatus } from "../../src/api/daemon.ts";
import { DaemonClient } from "../../src/cli/client.ts";
import type { Config } from "../../src/config/schema.ts";
import { loadConfig } from "../../src/config/load.ts";
import { LoadProcess, type LoadProcessOptions } from "./load/load-process.ts";
import { Scene, type AppDirectory, type Web } from "./scene.ts";

const WORKERS = "2";
const FOLLOW_MS = 10_000;
/** Two passes are enough, and soon. */
const HEALTH = { path: "/up", interval: "50ms" };

export interface SiteOptions {
  readonly instances?: number;
  readonly batch?: number | string;
  readonly web?: Web;
  readonly eventStreams?: Config["eventStreams"];
  /** How instances are replaced, beside the batch. */
  readonly rollout?: Config["rollout"];
  readonly proxy?: Config["proxy"];
  readonly websockets?: Config["websockets"];
  readonly checks?: Config["checks"];
  readonly assets?: Config["assets"];
  readonly notifications?: Config["notifications"];
}

/** An app with users on it. All of it ends with the running test. */
export class Site {
  static readonly app = "site";
  readonly scene: Scene;
  readonly app: AppDirectory;
  readonly client: DaemonClient;
  readonly url: string;
  readonly #orders: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(scene: Scene, app: AppDirectory, env: Readonly<Record<string, string>>) {
    this.scene = scene;
    this.app = app;
    this.client = new DaemonClient(scene.state, "test");
    this.url = app.url;
    this.#orders = join(scene.root, "orders");
    this.#env = env;
  }

  /** Its daemon runs, and knows no app yet. `env` is for every command, and so for the daemon. */
  static async up(env: Readonly<Record<string, string>> = {}): Promise<Site> {
    const scene = new Scene();
    onTestFinished(() => scene.close());
    const site = new Site(scene, await scene.app(Site.app), env);
    await site.succeeds("up", "--workers", WORKERS);
    return site;
  }

  /** Its first release serves. */
  static async deployed(options: SiteOptions = {}, env: Readonly<Record<string, string>> = {}): Promise<Site> {
    const site = await Site.up(env);
    site.write("one", options);
    await site.succeeds("deploy");
    return site;
  }

  /** Edits the app: another greeting, and perhaps another size. */
  write(message: string, { instances = 2, batch = 1, web = {}, rollout = {}, ...more }: SiteOptions = {}): void {
    const env = { MESSAGE: message, ORDERS: this.#orders };
    this.app.configure({ health: HEALTH, ...web, instances }, { env, rollout: { batch, ...rollout }, keepReleases: 3, ...more });
  }

  async succeeds(...args: readonly string[]): Promise<void> {
    const { code, out, err } = await this.app.run(args, { env: this.#env });
    if (code !== 0) throw new Error(`hitless ${args.join(" ")} ended with code ${String(code)}:\n${out}${err}`);
  }

  /** As `hitless deploy --detach`, without the time that starting the command takes. Gives the deployment's name. */
  async begin(): Promise<string> {
    const { env, ...rest } = await loadConfig({ directory: this.app.path, file: null, env: process.env });
    const { spec, source, ignore, build } = rest;
    const variables = Object.fromEntries(Object.entries(env).map(([type, values]) => [type, { ...values }]));
    const request = { spec, source, ignore: [...ignore], build, env: variables, strategy: null, batch: null, force: false };
    return (await this.client.deploy(request)).deployment;
  }

  /** Rejects when the daemon does not answer any more. */
  async ended(name: string): Promise<DeploymentStatus> {
    for (let after = 0; ;) {
      const { deployment, notes, seq } = await this.client.progress(Site.app, name, after, FOLLOW_MS);
      after = seq;
      if (deployment.outcome !== null && notes.length === 0) return deployment;
    }
  }

  /** The instances that run, whatever the daemon knows of them: name → pid. */
  instances(): ReadonlyMap<string, number> {
    const found = this.app.instanceProcesses().map(({ pid }) => [instanceOf(pid), pid] as const);
    return new Map(found.flatMap(([name, pid]) => (name === null ? [] : [[name, pid] as const])));
  }

  users(mix: Partial<Omit<LoadProcessOptions, "url" | "directory">> = {}): LoadProcess {
    const usual = { rate: 400, keepAlive: 8, fresh: 2, post: 2, paths: ["/", "/release"] };
    const load = new LoadProcess({ ...usual, ...mix, url: this.url, directory: this.scene.root });
    onTestFinished(() => {
      load.kill();
    });
    return load;
  }

  /** The id of every order that an instance took, in no order that means anything. */
  orders(): readonly string[] {
    return existsSync(this.#orders) ? readFileSync(this.#orders, "utf8").split("\n").slice(0, -1) : [];
  }
}

function instanceOf(pid: number): string | null {
  try {
    return /(?:^|\0)HITLESS_INSTANCE=([^\0]*)/.exec(readFileSync(`/proc/${String(pid)}/environ`, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}
