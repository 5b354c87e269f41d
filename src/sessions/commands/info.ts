import { globMatches } from "../data/glob.ts";
import { MapReply, Verbatim, type Reply } from "../resp/reply.ts";
import { command, container, type Command, type Context } from "./command.ts";

/** What clients take us for when they look at the version to see what there is: the Redis that replies are compared with in tests. */
export const REDIS_VERSION = "7.0.15";

/** INFO [section …]; `all`, `default`, `everything` and none mean all sections. */
function info({ server, keyspace }: Context, [, ...wanted]: readonly string[]): Reply {
  const words = wanted.map((word) => word.toLowerCase());
  const all = words.length === 0 || words.some((word) => ["all", "default", "everything"].includes(word));
  const keys = keyspace.databases
    .filter(({ entries }) => entries.size > 0)
    .map(({ number, entries, expiring }) => [`db${number}`, `keys=${entries.size},expires=${expiring},avg_ttl=0`] as const);
  const sections = [...server.info(), ["Keyspace", keys] as const].filter(
    ([section]) => all || words.includes(section.toLowerCase()),
  );
  const text = sections.map(
    ([section, lines]) => `# ${section}\r\n${lines.map(([name, value]) => `${name}:${value}\r\n`).join("")}`,
  );
  return new Verbatim(text.join("\r\n"));
}

function configGet({ server }: Context, [, , ...patterns]: readonly string[]): Reply {
  return new MapReply(
    [...server.settings].filter(([name]) => patterns.some((pattern) => globMatches(pattern.toLowerCase(), name))),
  );
}

function time({ keyspace }: Context): Reply {
  const micros = Math.floor((performance.now() % 1) * 1000);
  return [String(Math.floor(keyspace.now / 1000)), String((keyspace.now % 1000) * 1000 + micros)];
}

export const INFO: readonly Command[] = [
  command("info", -1, "", info),
  container("config", { GET: [-3, configGet] }),
  command("time", 1, "fast", time),
  command("lastsave", 1, "fast", ({ keyspace }) => Math.floor(keyspace.now / 1000)),
];
