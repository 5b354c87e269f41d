import type { StartRequest } from "../../src/ports/fleet.ts";

export const APP = "shop";

export function request(
  command: string | readonly string[],
  options: { instance?: string; directory?: string; env?: Record<string, string> } = {},
): StartRequest {
  const { instance = "web.r1.1", directory = "/", env = {} } = options;
  return { app: APP, instance, release: "r1", type: "web", launch: { directory, command, env } };
}
