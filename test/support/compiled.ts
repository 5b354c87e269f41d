import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What Node has compiled once: every program of a test starts in a third of the time. */
export const COMPILED = fileURLToPath(new URL("../../node_modules/.cache/hitless-tests", import.meta.url));

const PROXY = ["holder/holder.ts", "holder/upgrade.ts", "worker/worker.ts"].map(
  (file) => new URL(`../../src/proxy/${file}`, import.meta.url).href,
);

/** Before all tests of a project. Node keeps what it has compiled when a program ends by itself, and tests kill their proxies. */
export function setup(): void {
  const program = PROXY.map((url) => `await import(${JSON.stringify(url)});`).join("\n");
  spawnSync(process.execPath, ["--input-type=module", "-e", program], { env: { NODE_COMPILE_CACHE: COMPILED }, timeout: 60_000 });
}
