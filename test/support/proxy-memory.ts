import { readdirSync, readFileSync } from "node:fs";

/** The memory in which the holder and its workers live, together. */
export function proxyMemoryMiB(holder: number): number {
  const pids = readdirSync("/proc").filter((name) => Number(name) === holder || field(name, "PPid") === holder);
  return pids.reduce((sum, pid) => sum + field(pid, "VmRSS"), 0) / 1024;
}

/** A number of /proc/<pid>/status (kB for memory); 0 for a process that is gone. */
function field(pid: string, name: string): number {
  try {
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
