/** The options of the state server program, as node:util reads them. */
export const STATE_SERVER_OPTIONS = {
  data: { type: "string" },
  listen: { type: "string", multiple: true },
  aspNet: { type: "string" },
  fsync: { type: "string" },
  memory: { type: "string" },
  clients: { type: "string" },
  passwordFile: { type: "string" },
  tlsCert: { type: "string" },
  tlsKey: { type: "string" },
} as const;
