import { expect, test } from "vitest";
import { baseEnvironment } from "../../../../src/adapters/process/environment.ts";

test("an instance gets of the daemon's environment where programs, home and language are, and nothing else", () => {
  expect(
    baseEnvironment({
      PATH: "/bin",
      HOME: "/home/alice",
      LC_ALL: "C",
      TZ: "UTC",
      NODE_OPTIONS: "--inspect",
      AWS_SECRET_ACCESS_KEY: "x",
      HITLESS_STATE: "/s",
      PORT: "1",
      LANG: undefined,
    }),
  ).toEqual({ PATH: "/bin", HOME: "/home/alice", LC_ALL: "C", TZ: "UTC" });
});
