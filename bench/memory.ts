import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { familyOf } from "./cpu-time.ts";
import type { Contender } from "./rounds.ts";

const CONNECTIONS = 9_000;
const AT_ONCE = 100;
const SETTLE_MS = 3_000;
const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const YARDSTICK = "HAProxy";

/** What an idle keep-alive connection costs in memory: what the resident set grows by, over 9,000 of them that have made one request each. */
export async function idleTable(contenders: readonly Contender[], log: (line: string) => void): Promise<string> {
  const costs: { name: string; bytes: number }[] = [];
  for (const { name, place, program } of contenders) {
    const before = residentOf(program.pid);
    const sockets = await openIdle(place.port);
    await pause(SETTLE_MS);
    const bytes = (residentOf(program.pid) - before) / CONNECTIONS;
    for (const socket of sockets) socket.destroy();
    log(`idle: ${name} ${(bytes / 1024).toFixed(1)} KiB a connection`);
    costs.push({ name, bytes });
  }
  const yardstick = costs.find(({ name }) => name === YARDSTICK)?.bytes ?? NaN;
  const rows = costs.map(({ name, bytes }) => `| ${name} | ${(bytes / 1024).toFixed(1)} | ${(bytes / yardstick).toFixed(2)} × |`);
  return [`| proxy | KiB per idle connection | to ${YARDSTICK} |`, "| --- | ---: | ---: |", ...rows].join("\n");
}

async function openIdle(port: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < CONNECTIONS) sockets.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => openOne(port)))));
  return sockets;
}

/** Resolves when the answer to its one request has come. */
function openOne(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(REQUEST));
    socket.once("data", () => {
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** Bytes, of a process and everything it has started that still runs. */
function residentOf(root: number): number {
  const kib = [...familyOf(root)].map((pid) =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0),
  );
  return kib.reduce((sum, value) => sum + value, 0) * 1024;
}
