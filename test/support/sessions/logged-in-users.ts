import { Agent, request, type IncomingMessage } from "node:http";
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** What became of the visits so far. */
export interface Visits {
  readonly served: number;
  /** Not known any more, another user's, or older than what was answered before. */
  readonly lost: readonly string[];
  /** Answered with an error, or not at all. */
  readonly failed: readonly string[];
}

interface User {
  readonly name: string;
  readonly cookie: string;
  /** Of the last answer. */
  visits: number;
  /** Visits since then of which nobody knows whether they counted. */
  uncertain: number;
  busy: boolean;
}

const CLIENTS = 16;
/** From one visit of a client to its next: users are no benchmark. */
const THINK_MS = 40;

/** Users who are logged in at `session-site.mjs`, and who look whether they still are, and whether their session is the newest one. */
export class LoggedInUsers {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  readonly #users: User[] = [];
  readonly #lost: string[] = [];
  readonly #failed: string[] = [];
  #served = 0;
  #stopped = false;
  #clients: Promise<unknown> = Promise.resolve();

  private constructor(url: string) {
    this.#url = url;
  }

  /** Logs them in, and begins the visits. */
  static async at(url: string, count: number): Promise<LoggedInUsers> {
    const users = new LoggedInUsers(url);
    const names = Array.from({ length: count }, (_, i) => `user${String(i)}`);
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (let name = names.pop(); name !== undefined; name = names.pop()) await users.#logIn(name);
      }),
    );
    users.#clients = Promise.all(Array.from({ length: CLIENTS }, () => users.#visitOn()));
    return users;
  }

  get visits(): Visits {
    return { served: this.#served, lost: this.#lost, failed: this.#failed };
  }

  /** Nobody comes until `stop`. */
  async pause(): Promise<void> {
    this.#stopped = true;
    await this.#clients;
  }

  /** Ends the visits; each user looks once more. */
  async stop(): Promise<Visits> {
    await this.pause();
    for (const user of this.#users) await this.#visit(user);
    this.#agent.destroy();
    return this.visits;
  }

  async #logIn(name: string): Promise<void> {
    const { status, cookie } = await this.#ask("POST", `/login?user=${name}`, {});
    if (status !== 200 || cookie === undefined) throw new Error(`${name} could not log in: ${String(status)}`);
    this.#users.push({ name, cookie: cookie.split(";")[0] ?? "", visits: 0, uncertain: 0, busy: false });
  }

  async #visitOn(): Promise<void> {
    while (!this.#stopped) {
      const user = this.#users[randomInt(this.#users.length)];
      if (user !== undefined && !user.busy) await this.#visit(user);
      await sleep(THINK_MS);
    }
  }

  async #visit(user: User): Promise<void> {
    user.busy = true;
    try {
      const { status, text } = await this.#ask("GET", "/me", { cookie: user.cookie });
      if (status === 200 || status === 401) this.#judge(user, text);
      else this.#fail(user, `${String(status)} ${text}`);
    } catch (error) {
      this.#fail(user, String(error));
    } finally {
      user.busy = false;
    }
  }

  #judge(user: User, text: string): void {
    const [name, visits] = text.split(" ");
    const count = Number(visits);
    const isNewest = count > user.visits && count <= user.visits + user.uncertain + 1;
    if (name !== user.name || !isNewest) this.#lost.push(`${user.name} after ${String(user.visits)} visits: ${text}`);
    else this.#served += 1;
    if (name === user.name) user.visits = count;
    user.uncertain = 0;
  }

  #fail(user: User, what: string): void {
    user.uncertain += 1;
    this.#failed.push(`${user.name}: ${what}`);
  }

  #ask(
    method: string,
    path: string,
    headers: Record<string, string>,
  ): Promise<{ status: number; text: string; cookie: string | undefined }> {
    return new Promise((resolve, reject) => {
      const asked = request(`${this.#url}${path}`, { method, headers, agent: this.#agent }, (response: IncomingMessage) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => (text += part));
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, text, cookie: response.headers["set-cookie"]?.[0] });
        });
      });
      asked.on("error", reject);
      asked.end();
    });
  }
}
