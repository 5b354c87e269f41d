import { expect } from "vitest";
import type { AppDirectory } from "./scene.ts";

/**
 * Nothing has changed for users, and nothing is left over: so many instances of this release serve, each of them gets requests, and no
 * process runs in any release that is not one of them.
 */
export async function expectStanding(app: AppDirectory, release: string, instances: number): Promise<void> {
  const status = await app.status();
  expect(status.active).toBe(release);
  expect(status.instances.map((instance) => [instance.release, instance.status, instance.health])).toEqual(
    Array.from({ length: instances }, () => [release, "serving", "up"]),
  );
  const names = status.instances.map((instance) => instance.name).sort();
  expect(await app.answering(instances)).toEqual(names);
  const pids = status.instances.map((instance) => instance.pid).sort();
  expect(
    app
      .instanceProcesses()
      .map(({ pid }) => pid)
      .sort(),
  ).toEqual(pids);
}
