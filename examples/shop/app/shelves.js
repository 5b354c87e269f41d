import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";

/**
 * Where sessions, pictures and baskets are: in the database, where every instance finds them. Each can be kept in the wrong way instead, to see
 * what finds it: SHOP_SESSIONS=memory, SHOP_PHOTOS=directory, SHOP_BASKETS=cached.
 */
export async function openShelves(url, { SHOP_SESSIONS, SHOP_PHOTOS, SHOP_BASKETS }) {
  const pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 5_000 });
  pool.on("error", (error) => console.error(`A database connection was lost: ${error.message}`));
  const shared = (shelf) => new SharedShelf(pool, shelf);
  const photos = SHOP_PHOTOS === "directory" ? await DirectoryShelf.open() : shared("photos");
  return {
    sessions: SHOP_SESSIONS === "memory" ? new MemoryShelf() : shared("sessions"),
    photos,
    baskets: SHOP_BASKETS === "cached" ? new CachedShelf(shared("baskets")) : shared("baskets"),
    close: () => Promise.all([pool.end(), photos.close?.()]),
  };
}

class SharedShelf {
  #pool;
  #shelf;

  constructor(pool, shelf) {
    this.#pool = pool;
    this.#shelf = shelf;
  }

  async put(key, value) {
    await this.#pool.query({
      name: "put",
      text: "INSERT INTO kept (shelf, key, value) VALUES ($1, $2, $3) ON CONFLICT (shelf, key) DO UPDATE SET value = $3",
      values: [this.#shelf, key, value],
    });
  }

  async get(key) {
    const text = "SELECT value FROM kept WHERE shelf = $1 AND key = $2";
    const { rows } = await this.#pool.query({ name: "get", text, values: [this.#shelf, key] });
    return rows[0]?.value ?? null;
  }
}

/** Wrong: no other instance knows it, and it ends with this one. */
class MemoryShelf {
  #values = new Map();

  async put(key, value) {
    this.#values.set(key, value);
  }

  async get(key) {
    return this.#values.get(key) ?? null;
  }
}

/** Wrong: what is uploaded to one instance can be had from it alone. */
class DirectoryShelf {
  #directory;

  static async open() {
    const shelf = new DirectoryShelf();
    shelf.#directory = await mkdtemp(join(tmpdir(), "shop-photos-"));
    return shelf;
  }

  async put(key, value) {
    await writeFile(this.#file(key), value);
  }

  async get(key) {
    return readFile(this.#file(key), "utf8").catch(() => null);
  }

  async close() {
    await rm(this.#directory, { recursive: true, force: true });
  }

  #file(key) {
    return join(this.#directory, createHash("sha256").update(key).digest("hex"));
  }
}

/** Wrong: what another instance has written since is not seen. */
class CachedShelf {
  #shelf;
  #values = new Map();

  constructor(shelf) {
    this.#shelf = shelf;
  }

  async put(key, value) {
    await this.#shelf.put(key, value);
    this.#values.set(key, value);
  }

  async get(key) {
    if (!this.#values.has(key)) this.#values.set(key, await this.#shelf.get(key));
    return this.#values.get(key);
  }
}
