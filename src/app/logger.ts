import { pino, type Logger as Pino } from "pino";
import type { LogFields, Logger } from "../base/log.ts";

/** The log of a program: JSON lines, to a file or to standard error. */
export function createLogger(path: string | null, program: string): Logger {
  const options = { base: { program, pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  return wrap(pino(options, pino.destination({ dest: path ?? 2, sync: true, mode: 0o600, append: true })));
}

function wrap(log: Pino): Logger {
  return {
    debug: (message: string, fields: LogFields = {}) => {
      log.debug(fields, message);
    },
    info: (message, fields = {}) => {
      log.info(fields, message);
    },
    warn: (message, fields = {}) => {
      log.warn(fields, message);
    },
    error: (message, fields = {}) => {
      log.error(fields, message);
    },
    child: (fields) => wrap(log.child(fields)),
  };
}
