import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

const PROGRAM = `
  const { createServer } = require("node:net");
  for (let left = Number(process.argv[1]); left > 0; left -= 1) {
    const server = createServer();
    server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => console.log(server.address().port));
  }`;
/** A connection that is not made within this is not going to be. */
const MADE_MS = 300;

/** Ports whose queues of connections are full: whoever connects gets no answer, as from a machine that is gone. */
export async function fullListeners(count: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, ["-e", PROGRAM, String(count)], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const ports: number[] = [];
  for await (const line of createInterface(child.stdout)) if (ports.push(Number(line)) === count) break;
  child.kill("SIGSTOP");
  await Promise.all(ports.map(fill));
  return ports;
}

async function fill(port: number): Promise<void> {
  for (;;) {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", () => undefined);
    onTestFinished(() => {
      socket.destroy();
    });
    if (!(await isMade(socket))) return;
  }
}

async function isMade(socket: Socket): Promise<boolean> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
  }, MADE_MS);
  try {
    await once(socket, "connect", { signal: late.signal });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
