import type { LogFields, Logger } from "../../base/log.ts";

/** Writes JSON lines to standard output, which the one who starts the program has pointed at a file. */
export function jsonLog(bound: LogFields): Logger {
  const write = (level: string, message: string, fields: LogFields = {}): void => {
    process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...bound, ...fields })}\n`);
  };
  return {
    debug: () => undefined,
    info: (message, fields) => {
      write("info", message, fields);
    },
    warn: (message, fields) => {
      write("warn", message, fields);
    },
    error: (message, fields) => {
      write("error", message, fields);
    },
    child: (fields) => jsonLog({ ...bound, ...fields }),
  };
}
