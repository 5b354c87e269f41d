import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process as /proc shows it. */
export interface ProcessLine {
  readonly pid: number;
  readonly command: string;
  readonly directory: string;
}

/** Every process that has to do with one of these directories: by its command line, its environment, or by working in there. Linux only. */
export function processesOf(...directories: readonly string[]): readonly ProcessLine[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), command: commandOf(name), directory: directoryOf(name) }))
    .filter((line) => {
      const texts = [line.command, line.directory, environmentOf(line.pid)];
      return directories.some((directory) => texts.some((text) => text.includes(directory)));
    });
}

/** Empty for a zombie: it runs no more. */
function commandOf(pid: string): string {
  return read(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim());
}

function directoryOf(pid: string): string {
  return read(() => readlinkSync(`/proc/${pid}/cwd`));
}

function environmentOf(pid: number): string {
  return read(() => readFileSync(`/proc/${String(pid)}/environ`, "utf8"));
}

/** It may have ended between two looks, or be somebody else's. */
function read(look: () => string): string {
  try {
    return look();
  } catch {
    return "";
  }
}
