import { readdirSync, readFileSync } from "node:fs";

/** What tells one process from every other that ever had its pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks after the boot (proc(5)). */
  readonly startTime: string;
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
}

interface Stat {
  readonly state: string;
  readonly group: number;
  readonly startTime: string;
}

let boot: string | null = null;

export function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return boot;
}

/** Null for a pid nobody has, and for a zombie: it does nothing any more. */
export function identityOf(pid: number): ProcessIdentity | null {
  const stat = readStat(pid);
  return stat === null || isOver(stat) ? null : { pid, startTime: stat.startTime, boot: bootId() };
}

export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.boot !== bootId()) return false;
  return identityOf(identity.pid)?.startTime === identity.startTime;
}

/** Pids of the process group that have not ended, the leader included. */
export function groupMembers(group: number): readonly number[] {
  return allPids().filter((pid) => {
    const stat = readStat(pid);
    return stat?.group === group && !isOver(stat);
  });
}

/** The leader is looked at first: as long as it lives, the other processes of the machine need not be. */
export function groupIsEmpty(group: number): boolean {
  const leader = readStat(group);
  if (leader?.group === group && !isOver(leader)) return false;
  return groupMembers(group).length === 0;
}

/** The process group of the running processes whose environment holds the given `NAME=value`; that of a leader goes first. */
export function groupOfToken(entry: string): number | null {
  const groups = findByEnvironment(entry).map((pid) => ({ pid, group: readStat(pid)?.group }));
  const found = groups.find(({ pid, group }) => pid === group) ?? groups.find(({ group }) => group !== undefined);
  return found?.group ?? null;
}

/** Running processes whose environment holds the given `NAME=value`. */
export function findByEnvironment(entry: string): readonly number[] {
  return allPids().filter((pid) => readEnvironment(pid).includes(entry));
}

export function allPids(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function readEnvironment(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${String(pid)}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** The command name (field 2) may hold anything, so fields are counted from its closing parenthesis. */
function readStat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", group: Number(fields[2]), startTime: fields[19] ?? "" };
  } catch {
    return null;
  }
}

function isOver(stat: Stat): boolean {
  return stat.state === "Z" || stat.state === "X";
}
