import type { ProxyStatus, UpgradeOutcome } from "../../api/daemon.ts";
import type { Output } from "../output.ts";
import { table } from "./table.ts";
import { age, count } from "./units.ts";

export function upgradeText({ from, to, ms }: UpgradeOutcome): string {
  const versions = from.version === to.version ? to.version : `${from.version} → ${to.version}`;
  return `the proxy was upgraded in ${String(ms)} ms (${versions}); pid ${String(to.pid)} serves, pid ${String(from.pid)} finishes what it has`;
}

/** The proxy as a program: its processes and what they have. */
export function renderProxy(status: ProxyStatus, output: Output, now: number): readonly string[] {
  const { pid, version, startedAt, workers, predecessor, apps } = status;
  const lines = [`${output.style("bold", "proxy")}  ${version}, pid ${String(pid)}, for ${age(now - startedAt)}`];
  if (predecessor !== null) {
    lines.push(
      `  the generation before (pid ${String(predecessor.pid)}) finishes ${count(predecessor.clientConnections)} connections`,
    );
  }
  const rows = workers.map((worker) => [String(worker.pid), String(worker.generation), count(worker.clientConnections)]);
  const titles = [{ title: "WORKER" }, { title: "START", right: true }, { title: "CONNECTIONS", right: true }];
  lines.push("", ...table(titles, rows).map((line) => `  ${line}`));
  for (const { app, listen, epoch, revision, held } of apps) {
    const waiting = held === 0 ? "" : `, ${count(held)} requests wait`;
    lines.push(`  ${app}  ${listen.host}:${String(listen.port)}, table ${String(epoch)}.${String(revision)}${waiting}`);
  }
  return lines;
}
