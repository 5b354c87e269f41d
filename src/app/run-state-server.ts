import { fileURLToPath } from "node:url";
import { resolve } from "node:path";
import { heapLimit, readOptions, type RawOptions } from "../sessions/server/options.ts";
import { STATE_SERVER_OPTIONS } from "./state-server-options.ts";
import { VERSION } from "./version.ts";

const MAIN = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./state-server.ts" : "./state-server.js", import.meta.url));

/** How the state server is started with these options. @throws ERR_USAGE with all problems */
export function stateServerProgram(raw: RawOptions): { readonly command: string; readonly args: readonly string[] } {
  const options: RawOptions = { ...raw, data: resolve(raw.data) };
  const { memoryMax } = readOptions(options, VERSION);
  const words = (Object.keys(STATE_SERVER_OPTIONS) as (keyof RawOptions)[]).flatMap((name) => {
    const value = options[name];
    if (value === undefined) return [];
    return (typeof value === "string" ? [value] : value).flatMap((one) => [`--${name}`, one]);
  });
  return { command: process.execPath, args: [`--max-old-space-size=${heapLimit(memoryMax)}`, MAIN, ...words] };
}

/**
 * This process becomes the state server, which needs a heap of its own size: a service manager sees one process, with one number.
 * @throws ERR_USAGE with all problems
 */
export async function runStateServer(raw: RawOptions): Promise<void> {
  const { command, args } = stateServerProgram(raw);
  // It is marked experimental, and nothing else replaces a process.
  process.removeAllListeners("warning");
  process.execve?.(command, [command, ...args], process.env);
  return Promise.resolve();
}
