import { accessSync, chmodSync, constants, existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { HitlessError } from "../base/error.ts";

/** The kernel's limit for a unix socket's path (unix(7): 108 bytes with the closing zero). */
const SOCKET_PATH_MAX = 107;
const LONGEST_SOCKET = join("proxy", "control.sock");

/** `$HITLESS_STATE`, else `hitless` in the user's state directory (XDG base directories). */
export function defaultStateDirectory(env: NodeJS.ProcessEnv): string {
  if (env["HITLESS_STATE"] !== undefined && env["HITLESS_STATE"] !== "") return resolve(env["HITLESS_STATE"]);
  const state = env["XDG_STATE_HOME"];
  return join(state !== undefined && state !== "" ? state : join(homedir(), ".local", "state"), "hitless");
}

/** Creates the directory with mode 0700 and checks that it can be used. @throws ERR_STATE_DIRECTORY */
export function prepareStateDirectory(path: string): void {
  if (Buffer.byteLength(join(path, LONGEST_SOCKET)) > SOCKET_PATH_MAX) {
    throw unusable(
      path,
      `Its path is too long for a unix socket in it (${String(SOCKET_PATH_MAX)} bytes with ${LONGEST_SOCKET}).`,
    );
  }
  try {
    makeDirectories(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    chmodSync(path, 0o700);
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error));
  }
}

/** One after the other: `mkdirSync` with `recursive` never comes back where the parent is there and will not have it, as in /proc. */
function makeDirectories(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const directory of missing) {
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      // Another one was quicker.
      if (!existsSync(directory)) throw error;
    }
  }
}

function unusable(path: string, why: string): HitlessError {
  return new HitlessError({
    code: "ERR_STATE_DIRECTORY",
    what: `The state directory ${path} cannot be used.`,
    why,
    next: "Name another one with --state or HITLESS_STATE.",
  });
}
