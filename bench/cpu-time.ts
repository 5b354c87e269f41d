import { readdirSync, readFileSync } from "node:fs";

/** `_SC_CLK_TCK` is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time, in microseconds, of a process and everything it has started that still runs. */
export function cpuTimeOf(root: number): number {
  const processes = readProcesses();
  const family = familyIn(processes, root);
  const ticks = processes.filter(({ pid }) => family.has(pid)).reduce((sum, process) => sum + process.ticks, 0);
  return (ticks * 1_000_000) / TICKS_PER_SECOND;
}

/** The process and everything it has started that still runs. */
export function familyOf(root: number): ReadonlySet<number> {
  return familyIn(readProcesses(), root);
}

function familyIn(processes: readonly ProcessTimes[], root: number): ReadonlySet<number> {
  const family = new Set([root]);
  // A child has been started after its parent, but its number may be lower: look until nothing new turns up.
  for (let before = 0; before < family.size;) {
    before = family.size;
    for (const { pid, parent } of processes) if (family.has(parent)) family.add(pid);
  }
  return family;
}

interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

function readProcesses(): ProcessTimes[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [parseStat(readFileSync(`/proc/${name}/stat`, "latin1"))];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

/** The fields after the name, which is in parentheses and may itself contain spaces and parentheses (proc_pid_stat(5)). */
export function parseStat(text: string): ProcessTimes {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    pid: Number.parseInt(text, 10),
    parent: Number(fields[1]),
    ticks: Number(fields[11]) + Number(fields[12]),
  };
}
