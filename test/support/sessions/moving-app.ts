import { silentLogger } from "../../../src/base/log.ts";
import { createRng } from "../../../src/base/rng.ts";
import { SESSION_MOVE, SESSION_MOVE_FROM, SESSION_URL } from "../../../src/base/session-move.ts";
import type { SessionMove } from "../../../src/core/session-move/move.ts";
import type { AppState } from "../../../src/core/state.ts";
import { MoveBook } from "../../../src/engine/sessions/move-book.ts";
import { SessionMoves } from "../../../src/engine/sessions/session-moves.ts";
import { SessionReleases } from "../../../src/engine/sessions/session-releases.ts";
import type { Releases } from "../../../src/ports/releases.ts";
import type { MoveSide, SessionCopy, SessionMoveStore, SessionStores } from "../../../src/ports/session-moves.ts";
import type { SessionServers } from "../../../src/ports/session-servers.ts";
import { SimJournal } from "../../../sim/journal.ts";
import { World } from "../../../sim/world.ts";

const OLD_URL = "redis://old";
export const NEW_URL = "redis://new";
const SIZE = { instances: 3, batch: 1, rollout: {} };

/** A daemon that keeps moves: it is gone when it never hears that what it has written is on disk. */
class MoveDisk implements SessionMoveStore {
  kept: SessionMove | null = null;
  writes = 0;
  /** At which write the daemon dies, and on which side of it. */
  death: { readonly at: number; readonly when: "before" | "after" } | null = null;

  /** So many writes find the disk full. */
  full = 0;

  moves(): Promise<readonly SessionMove[]> {
    return Promise.resolve(this.kept === null ? [] : [this.kept]);
  }

  save(move: SessionMove): Promise<void> {
    if (this.full > 0) {
      this.full -= 1;
      return Promise.reject(new Error("the disk is full"));
    }
    this.writes += 1;
    const dies = this.death?.at === this.writes;
    if (!dies || this.death?.when === "after") this.kept = move;
    return dies ? new Promise(() => undefined) : Promise.resolve();
  }
}

/** Stores that know which instances write where: those that run, by the environment they were started with. */
class SimStores implements SessionStores {
  copies = 0;
  tidied = 0;
  copyFails = false;
  isEndless = false;
  /** What is copied waits for it, and is there then. */
  held: Promise<unknown> | null = null;
  areSilent = false;
  /** Why the new store cannot be written, and the old one. */
  broken: string | null = null;
  oldBroken: string | null = null;
  readonly whyNot: string[] = [];

  problems(): Promise<readonly string[]> {
    return Promise.resolve(this.whyNot);
  }

  unusable(_move: SessionMove, side: MoveSide): Promise<string | null> {
    return Promise.resolve(side === "new" ? this.broken : this.oldBroken);
  }

  marks(_move: SessionMove, instances: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    return Promise.resolve(new Map(this.areSilent ? [] : instances.map((name) => [name, ["sess:"]])));
  }

  async copy({ signal, onProgress }: SessionCopy): Promise<{ sessions: number; written: number }> {
    if (this.copyFails) throw new Error("the new store is full");
    onProgress({ done: 1, total: 2 });
    if (this.held !== null) await this.held;
    if (this.isEndless) {
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
    }
    this.copies += 1;
    return { sessions: 2, written: 2 };
  }

  tidy(): Promise<void> {
    this.tidied += 1;
    return Promise.resolve();
  }
}

const SERVERS: SessionServers = { ensure: () => Promise.resolve("redis://ours"), adapt: () => Promise.resolve("redis://ours") };

/** The real engine over a simulated machine, whose app has its sessions in a store; and the daemon's keeper of moves, which dies and comes back. */
export class MovingApp {
  readonly world: World;
  readonly disk = new MoveDisk();
  readonly stores = new SimStores();
  /** Per instance, what its program was told. */
  readonly environments = new Map<string, Readonly<Record<string, string>>>();
  /** Rejects for a daemon that another has taken over from. */
  held: () => Promise<void> = () => Promise.resolve();
  moves!: SessionMoves;
  #book!: MoveBook;

  private constructor(world: World) {
    this.world = world;
  }

  static async deployed(): Promise<MovingApp> {
    const rng = createRng(7);
    const none = { proxyAwayShare: 0, buildFailShare: 0, taskFailShare: 0, meddleShare: 0 };
    const replies = { lateShare: 0, lostShare: 0 };
    const crash = { at: 0, when: "before" } as const;
    const world = new World({ rng, store: new SimJournal(rng, 0), behaviours: new Map(), crash, replies, ...none });
    const app = new MovingApp(world);
    app.#tellInstances();
    await app.live();
    await world.boot();
    await world.deploy(SIZE);
    await world.run(20_000);
    return app;
  }

  /** A daemon begins with what is on disk. */
  async live(): Promise<void> {
    this.#book = new MoveBook(this.disk, () => this.held());
    await this.#book.load();
    const engine = {
      state: (): AppState | null => this.world.state,
      request: async (_app: string, event: Parameters<World["request"]>[0]): Promise<string> => {
        await this.world.request(event);
        return this.world.state?.deployment?.name ?? "";
      },
    };
    this.moves = new SessionMoves({
      clock: this.world.clock,
      book: this.#book,
      stores: this.stores,
      engine,
      mayAct: () => true,
      log: silentLogger,
      releases: this.#named(),
      servers: SERVERS,
      randomId: () => "m1",
    });
    this.moves.start();
  }

  get state(): AppState {
    if (this.world.state === null) throw new Error("nothing is known of the app");
    return this.world.state;
  }

  get move(): SessionMove | null {
    return this.disk.kept;
  }

  begin(): Promise<unknown> {
    return this.moves.begin(this.state, { by: "tester", to: NEW_URL });
  }

  async until(is: () => boolean): Promise<void> {
    for (let step = 0; !is(); step += 1) {
      if (step > 3_000) throw new Error(`it does not come to that: ${JSON.stringify(this.move)}`);
      await this.world.settle(this.world.clock.pass(50));
    }
  }

  /** What the instances that run read, and whether they write into both. */
  sights(): ReadonlySet<string> {
    const alive = [...this.world.fleet.instances.values()].filter((one) => one.alive);
    return new Set(alive.map(({ name }) => sightOf(this.environments.get(name) ?? {})));
  }

  /** Without what a move says. */
  #named(): Releases {
    const { releases } = this.world;
    const url = { [SESSION_URL]: OLD_URL };
    const workplace: Releases["workplace"] = async (...given) => ({ ...(await releases.workplace(...given)), env: url });
    return Object.assign(Object.create(releases) as Releases, { workplace });
  }

  /** The engine's own releases tell instances what the real ones do. */
  #tellInstances(): void {
    const { releases, fleet } = this.world;
    const [launchPlan, start] = [releases.launchPlan.bind(releases), fleet.start.bind(fleet)];
    releases.launchPlan = async (app, release) => {
      const plan = await launchPlan(app, release);
      const inner = Object.assign(this.#named(), {
        launchPlan: () => Promise.resolve({ ...plan, env: { [SESSION_URL]: OLD_URL } }),
      });
      return new SessionReleases(inner, SERVERS, this.#book).launchPlan(app, release, "web");
    };
    fleet.start = (request) => {
      this.environments.set(request.instance, request.launch.env);
      return start(request);
    };
  }
}

function sightOf(env: Readonly<Record<string, string>>): string {
  const reads = env[SESSION_URL] === OLD_URL ? "old" : "new";
  if (env[SESSION_MOVE] === undefined) return reads;
  return `both, ${env[SESSION_MOVE_FROM] === undefined ? "old" : "new"} read`;
}
