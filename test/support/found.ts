import { spawnSync } from "node:child_process";

/** Whether a program is installed here; a test that needs it is skipped by name where it is not. */
export function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}
