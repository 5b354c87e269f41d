import { spawnSync } from "node:child_process";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "./temp.ts";

/** Why no small disk can be had here, or null. Mounting one is for root, and not everywhere even then. */
export const NO_SMALL_DISK = ((): string | null => {
  if (process.platform !== "linux") return "no tmpfs on this platform";
  if (process.getuid?.() !== 0) return "mounting a small disk needs root";
  const probe = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]);
  return probe.status === 0 ? null : "mounting is not allowed here";
})();

/** A disk of its own in memory, of so many bytes, that goes away with the running test. */
export function smallDisk(bytes: number, inodes = 0): string {
  const directory = temporaryDirectory();
  const options = `size=${bytes},nr_inodes=${inodes}`;
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", options, "none", directory]);
  if (status !== 0) throw new Error(`no small disk: ${stderr.toString()}`);
  onTestFinished(() => {
    spawnSync("umount", ["--lazy", directory]);
  });
  return directory;
}
