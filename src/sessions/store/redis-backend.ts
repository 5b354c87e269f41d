import type { Backend, OpenArguments } from "./backend.ts";

const SCAN_COUNT = 500;
/** DEL takes any number; a reply should not wait long. */
const DELETE_COUNT = 500;
/** Tries of a command whose connection breaks: each is safe to repeat, and waits until there is a connection again. */
const TRIES = 5;
/** Of a client that is not to wait for ever: together 6 s. */
const RECONNECTS = 7;
const RECONNECT_FIRST_MS = 50;

/** Sessions in Redis, or in anything that speaks its protocol, such as `hitless state-server`; by the package `redis`. */
export async function redisBackend(url: string, ...[prefix, onError, patience]: OpenArguments): Promise<Backend> {
  const { createClient, ErrorReply } = await import("redis");
  let isOpen = false;
  const reconnectStrategy = (retries: number, cause: Error): number | Error =>
    isOpen && retries < RECONNECTS ? RECONNECT_FIRST_MS * 2 ** retries : cause;
  const client = createClient({ url, ...(patience === "fails" ? { socket: { reconnectStrategy } } : {}) });
  // The client connects again by itself; without a listener its first error would end the process.
  client.on("error", onError);
  await client.connect();
  isOpen = true;
  const patiently = async <T>(command: () => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await command();
      } catch (error) {
        // What the server itself refuses it would refuse again.
        if (error instanceof ErrorReply || tries === TRIES || !client.isOpen) throw error;
      }
    }
  };
  const ids = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const keys of client.scanIterator({ MATCH: `${escaped(prefix)}*`, COUNT: SCAN_COUNT }))
      found.push(...keys.map((key) => key.slice(prefix.length)));
    return [...new Set(found)];
  };
  return {
    get: (id) => patiently(() => client.get(prefix + id)),
    set: async (id, text, ttlMs) => {
      await patiently(() => client.set(prefix + id, text, { expiration: { type: "PX", value: ttlMs } }));
    },
    add: async (id, text, ttlMs) => {
      const expiration = ttlMs === null ? {} : { expiration: { type: "PX", value: Math.max(1, Math.round(ttlMs)) } as const };
      await patiently(() => client.set(prefix + id, text, { condition: "NX", ...expiration }));
    },
    touch: async (id, ttlMs) => {
      await patiently(() => client.pExpire(prefix + id, ttlMs));
    },
    remove: async (id) => {
      await patiently(() => client.del(prefix + id));
    },
    ids,
    read: async (wanted) => {
      if (wanted.length === 0) return [];
      const keys = wanted.map((id) => prefix + id);
      const [texts, ttls] = await Promise.all([client.mGet(keys), Promise.all(keys.map((key) => client.pTTL(key)))]);
      return wanted.flatMap((id, at) => {
        const text = texts[at] ?? null;
        const ttl = ttls[at] ?? -1;
        return text === null ? [] : [{ id, text, ttlMs: ttl < 0 ? null : ttl }];
      });
    },
    figures: async () => {
      const info = await client.info();
      const number = (name: string): number | null => {
        const found = new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1];
        return found === undefined ? null : Number(found);
      };
      return { memoryBytes: number("used_memory"), commands: number("total_commands_processed") };
    },
    clear: async () => {
      const all = await ids();
      for (let from = 0; from < all.length; from += DELETE_COUNT)
        await client.del(all.slice(from, from + DELETE_COUNT).map((id) => prefix + id));
    },
    close: async () => {
      await client.close();
    },
  };
}

/** What means something in a pattern is meant as it is. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]]/g, "\\$&");
}
