import { expect, test } from "vitest";
import { HitlessError } from "../../../src/base/error.ts";
import type { Command } from "../../../src/core/command.ts";
import type { Notification, NotificationTarget } from "../../../src/core/notification.ts";
import { deliver, type NotifyPorts } from "../../../src/engine/notify.ts";
import type { HttpRequest } from "../../../src/ports/http.ts";
import type { JobEnd, JobRequest } from "../../../src/ports/jobs.ts";
import { SimClock } from "../../../sim/clock.ts";
import { byTheClock } from "../../support/compared-world.ts";

const WEBHOOK: NotificationTarget = { kind: "webhook", url: "env:HOOK", timeoutMs: 1_000 };
const COMMAND: NotificationTarget = { kind: "command", command: "tell", timeoutMs: 1_000 };
const DAY_MS = 24 * 3_600_000;

interface World {
  /** What the receiver answers to the first, second … request; the last one for ever. A failure where it is null. */
  readonly statuses?: readonly (number | null)[];
  readonly exits?: readonly JobEnd["how"][];
  /** Releases that are kept. */
  readonly kept?: readonly string[];
}

interface Told {
  readonly requests: readonly HttpRequest[];
  readonly jobs: readonly JobRequest[];
  readonly said: readonly string[];
  /** How long it took. */
  readonly ms: number;
}

async function delivered(target: NotificationTarget, { statuses = [200], exits = [], kept = ["r1"] }: World): Promise<Told> {
  const clock = new SimClock();
  const at = clock.now();
  const [requests, jobs, said]: [HttpRequest[], JobRequest[], string[]] = [[], [], []];
  const ports = {
    clock,
    http: {
      send: (request: HttpRequest) => {
        const status = statuses[Math.min(requests.length, statuses.length - 1)] ?? null;
        requests.push(request);
        return status === null
          ? Promise.reject(new HitlessError({ code: "ERR_HTTP_FAILED", what: "It did not answer." }))
          : Promise.resolve({ status, headers: {}, body: "", ms: 1 });
      },
    },
    jobs: {
      run: (request: JobRequest) => {
        jobs.push(request);
        return Promise.resolve({ how: exits[jobs.length - 1] ?? { kind: "exited", code: 0 }, tail: [] });
      },
    },
    releases: {
      workplace: (_app: string, release: string) =>
        kept.includes(release)
          ? Promise.resolve({ directory: `/${release}`, env: { HOOK: "http://hook/secret-path", API_KEY: "sesame-open" } })
          : Promise.reject(new HitlessError({ code: "ERR_RELEASE_UNKNOWN", what: "It is gone." })),
    },
  } as unknown as NotifyPorts;
  const reason = { code: "ERR_INSTANCE_UNREADY", what: "web.r2.7 said sesame-open.", why: "status 500: sesame-open" } as const;
  const notification: Notification = {
    id: "shop/d2/rolled-back",
    event: "rolled-back",
    text: "shop d2 went back. web.r2.7 said sesame-open.",
    app: "shop",
    deployment: "d2",
    kind: "deploy",
    by: "alice",
    from: "r1",
    to: "r2",
    at,
    startedAt: at - 5_000,
    reason,
  };
  const command: Extract<Command, { kind: "notify" }> = {
    kind: "notify",
    id: "shop/9/notify",
    deployment: null,
    target,
    notification,
  };
  const watch = { signal: new AbortController().signal, say: (text: string) => void said.push(text) };
  await byTheClock(clock, deliver(ports, "shop", command, watch));
  return { requests, jobs, said, ms: clock.now() - at };
}

test("a webhook gets the notification as JSON, at the address that the environment of a kept release names", async () => {
  const { requests, said } = await delivered(WEBHOOK, {});
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({
    method: "POST",
    url: "http://hook/secret-path",
    headers: { "idempotency-key": "shop/d2/rolled-back" },
  });
  expect(JSON.parse(requests[0]?.body ?? "")).toMatchObject({ event: "rolled-back", app: "shop", from: "r1", to: "r2" });
  expect(said).toEqual([]);
});

test("secrets of the environment are in nothing that is told, nor said", async () => {
  const { requests, jobs } = { ...(await delivered(WEBHOOK, {})), jobs: (await delivered(COMMAND, {})).jobs };
  expect(requests[0]?.body).not.toContain("sesame-open");
  expect(jobs[0]?.launch.env["HITLESS_NOTIFICATION"]).not.toContain("sesame-open");
  const { said } = await delivered(WEBHOOK, { statuses: [500, 200] });
  expect(said.join()).toContain("http://hook answered 500");
  expect(said.join()).not.toContain("secret-path");
});

test("scenario 107: a receiver that is down is told again and again, with pauses that double, and once it has taken it no more", async () => {
  const { requests, said, ms } = await delivered(WEBHOOK, { statuses: [null, 503, 302, 404, 204] });
  expect(requests).toHaveLength(5);
  expect(ms).toBeGreaterThanOrEqual(1_000 + 2_000 + 4_000 + 8_000);
  expect(ms).toBeLessThan(16_000);
  expect(said).toEqual([expect.stringContaining("it is tried again")]);
});

test("after a day it is given up, and that is said", async () => {
  const { said, ms, requests } = await delivered(WEBHOOK, { statuses: [503] });
  expect(said.at(-1)).toContain("it is given up");
  expect(ms).toBeLessThanOrEqual(DAY_MS);
  expect(requests.length).toBeLessThan(400);
});

test("a command is run anew for each attempt, in a directory that is kept, with what it is about", async () => {
  const { jobs } = await delivered(COMMAND, { exits: [{ kind: "exited", code: 1 }, { kind: "lost" }] });
  expect(jobs.map(({ job }) => job)).toEqual(["shop/9/notify/1", "shop/9/notify/2", "shop/9/notify/3"]);
  expect(jobs[0]?.launch).toMatchObject({ directory: "/r1", env: { HITLESS_APP: "shop", HITLESS_EVENT: "rolled-back" } });
});
