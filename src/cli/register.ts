import type { Command } from "commander";
import type { CommonOptions, Session } from "./session.ts";

/** Completes a command: common options, examples, and what it does. Arguments come after the options. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names its options by it
export type Register = <O extends CommonOptions>(
  command: Command,
  examples: readonly string[],
  action: (session: Session, options: O, ...args: never[]) => Promise<void>,
) => void;
