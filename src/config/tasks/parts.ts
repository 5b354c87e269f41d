import { z } from "zod";
import { duration } from "../units.ts";

const COMMAND = 'expected a command line such as "npm test", or a list of arguments such as ["npm", "test"]';

/** Run in the release's directory with its environment. */
export const command = z.union([z.string().regex(/\S/, { error: COMMAND }), z.array(z.string()).min(1, { error: COMMAND })], {
  error: COMMAND,
});

const NAME = "expected a short name";
export const taskName = z.string({ error: NAME }).min(1, { error: NAME }).max(100, { error: NAME });

/** How long something may take or watch. */
export const TASK_MAX_MS = 24 * 3_600_000;
export const timeout = (defaultMs: number) => duration(100, TASK_MAX_MS).default(defaultMs);

const SHARE = 'expected a share such as "5%" or "0.5%"';

/** `"0.5%"`; gives percent. */
export const percentage = z
  .string({ error: SHARE })
  .regex(/^\d{1,3}(?:\.\d+)?%$/, { error: SHARE })
  .transform((text) => parseFloat(text))
  .refine((percent) => percent <= 100, { error: SHARE });

const FACTOR = "expected a factor such as 1.5, above 1";
export const factor = z.number({ error: FACTOR }).gt(1, { error: FACTOR }).max(1_000, { error: FACTOR });

export const count = (max = 1_000_000) => {
  const error = `expected a whole number from 1 to ${String(max)}`;
  return z.number({ error }).int({ error }).min(1, { error }).max(max, { error });
};
