import type { StartRequest } from "../../src/ports/fleet.ts";
import type { Store } from "../../src/ports/store.ts";

export const APP = "shop";

/** There is no other writer. */
export const UNFENCED: Pick<Store, "fenced"> = { fenced: (_app, _epoch, effect) => effect() };

export function request(
  command: string | readonly string[],
  options: { instance?: string; directory?: string; env?: Record<string, string>; healthPortVariable?: string } = {},
): StartRequest {
  const { instance = "web.r1.1", directory = "/", env = {}, healthPortVariable } = options;
  return { app: APP, instance, release: "r1", type: "web", launch: { directory, command, env, healthPortVariable }, epoch: 1 };
}
