import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { onTestFinished } from "vitest";

/** A fresh directory that goes away with the running test. Its path is short enough for Unix sockets in it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "hl-"));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  });
  return directory;
}

/** Resolves as soon as the condition holds (anything but false, null or undefined) and gives what it gave. */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: { within?: number; what?: string } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const { within = 15_000, what = condition.toString() } = options;
  const deadline = performance.now() + within;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value as Exclude<T, false | null | undefined>;
    if (performance.now() > deadline) throw new Error(`Not within ${within} ms: ${what}`);
    await pause(10);
  }
}
