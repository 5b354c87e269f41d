import { accessSync, constants, statSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { HitlessError } from "../../base/error.ts";
import type { LaunchPlan } from "../../ports/releases.ts";

export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
}

/** Anything that makes a line more than one plain command. */
const SHELL_SYNTAX = /[;&|<>()`$\\"'*?[\]{}~#!\n]/;
const ASSIGNMENT = /^[A-Za-z_]\w*=/;
const BUILTINS = new Set([
  "exec",
  "cd",
  "export",
  "set",
  "if",
  "for",
  "while",
  "case",
  "trap",
  "test",
  "[",
  "true",
  "false",
  "exit",
  "eval",
  ".",
  ":",
  "wait",
  "read",
  "echo",
  "ulimit",
  "umask",
  "unset",
]);

/**
 * A plain command is run with `exec`, so that the program itself is the leader of its group and gets the signals; a line with shell syntax is
 * left to the shell. A command that cannot be found is refused before anything is started.
 * @throws ERR_COMMAND_NOT_FOUND
 */
export function commandLine({ command, directory, env }: LaunchPlan, path: string): CommandLine {
  if (typeof command !== "string") {
    const [file = "", ...args] = command;
    return { file: find(file, directory, env["PATH"] ?? path), args };
  }
  const line = command.trim();
  const first = line.split(/\s+/, 1)[0] ?? "";
  const plain = !SHELL_SYNTAX.test(line) && !ASSIGNMENT.test(first) && !BUILTINS.has(first);
  if (plain) find(first, directory, env["PATH"] ?? path);
  return { file: "/bin/sh", args: ["-c", plain ? `exec ${line}` : line] };
}

function find(name: string, directory: string, path: string): string {
  const candidates = name.includes("/")
    ? [resolve(directory, name)]
    : path.split(delimiter).map((part) => resolve(directory, part, name));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  const existing = candidates.find(exists);
  throw new HitlessError({
    code: "ERR_COMMAND_NOT_FOUND",
    what: `The command ${name} was not found.`,
    why:
      existing === undefined
        ? `Looked for ${name.includes("/") ? candidates.join(", ") : `it in PATH=${path}`}.`
        : `${existing} is there but not executable.`,
    next: `Commands are run in the release's directory (${directory}); check \`command\` in the configuration.`,
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
