import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Config } from "../../../src/config/schema.ts";
import { Scene, type AppDirectory } from "../scene.ts";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../apps/session-site.mjs", import.meta.url));

interface SessionSiteOptions {
  readonly sessions?: Config["sessions"];
  readonly checks?: Config["checks"];
  readonly rollout?: Config["rollout"];
  readonly env?: Readonly<Record<string, string>>;
  readonly drainTimeout?: string;
}

/** `session-site.mjs` as an app with two instances. All of it ends with the running test. */
export class SessionSite {
  readonly scene: Scene;
  readonly app: AppDirectory;

  private constructor(scene: Scene, app: AppDirectory) {
    this.scene = scene;
    this.app = app;
  }

  /** Its first release serves. */
  static async deployed(options: SessionSiteOptions): Promise<SessionSite> {
    const scene = new Scene();
    onTestFinished(() => scene.close());
    const site = new SessionSite(scene, await scene.app("site"));
    copyFileSync(PROGRAM, join(site.app.path, "session-site.mjs"));
    await site.deploy("one", options);
    return site;
  }

  /** Another release, which must succeed. */
  async deploy(
    message: string,
    { env = {}, rollout = { batch: "50%" }, drainTimeout = "30s", ...more }: SessionSiteOptions,
  ): Promise<void> {
    const web = { command: [process.execPath, "session-site.mjs"], drainTimeout };
    this.app.configure(web, { env: { REPOSITORY, MESSAGE: message, ...env }, rollout, ...more });
    await this.app.deploy();
  }

  get data(): string {
    return join(this.scene.state, "apps", this.app.name, "sessions");
  }

  /** The process that works on the data of the state server now; null while one takes over from another. */
  serverPid(): number | null {
    try {
      return (JSON.parse(readFileSync(join(this.data, "state-server.json"), "utf8")) as { pid: number }).pid;
    } catch {
      return null;
    }
  }

  /** As the instances have it. */
  sessionUrl(): string {
    const { port } = JSON.parse(readFileSync(join(this.data, "server.json"), "utf8")) as { port: number };
    return `redis://:${readFileSync(join(this.data, "password"), "utf8").trim()}@127.0.0.1:${String(port)}`;
  }
}
