import { setTimeout as sleep } from "node:timers/promises";
import { Option, type Command } from "commander";
import { pauseRequestSchema, type AppStatus, type MaintenanceRequest, type PauseRequest } from "../../api/daemon.ts";
import { HitlessError } from "../../base/error.ts";
import { readPage } from "../../config/pages.ts";
import { duration } from "../../config/units.ts";
import type { Register } from "../register.ts";
import { maintenanceText, pauseText } from "../render/gate.ts";
import type { CommonOptions, Session } from "../session.ts";

const POLL_MS = 100;

interface PauseOptions extends CommonOptions {
  readonly for: string;
  readonly then: PauseRequest["then"];
}

interface MaintenanceOptions extends CommonOptions {
  readonly page?: string;
  readonly status?: string;
  readonly retryAfter?: string;
  readonly allow?: readonly string[];
  readonly allowCookie?: readonly string[];
}

/** What an operator puts before an app: a pause, or a page. */
export function registerGates(program: Command, run: Register): void {
  run(
    program
      .command("pause")
      .description("let requests wait in the proxy while those in flight finish; returns when nothing is in flight any more")
      .option("--for <time>", "how long they wait at most", "30s")
      .addOption(
        new Option("--then <what>", "at that limit: refuse (503 until `hitless resume`) or resume by itself")
          .choices(pauseRequestSchema.shape.then.options)
          .default("refuse"),
      ),
    ["hitless pause --for 20s && psql -f short-step.sql; hitless resume", "hitless pause --for 5s --then resume"],
    pause,
  );
  run(
    program.command("resume").description("end a pause: the requests that wait are served, oldest first"),
    ["hitless resume"],
    (session) => end(session, "unpause", {}, "goes on"),
  );
  const maintenance = program.command("maintenance").description("answer with a page instead of the application");
  run(
    maintenance
      .command("on")
      .description("turn it on, or change it; what is not given comes from `maintenance` of the configuration")
      .option("--page <file>", "the page (.html, .json, .txt, .xml)")
      .option("--status <number>", "its status (default: 503)")
      .option("--retry-after <seconds>", "when clients may come again (default: 120; 0: not said)")
      .option("--allow <address...>", "addresses and ranges that go through, such as 10.0.0.0/8")
      .option("--allow-cookie <name=value...>", "clients with this cookie go through; the name alone: any value"),
    ["hitless maintenance on --page maintenance.html --allow 10.0.0.0/8", "hitless maintenance on --allow-cookie pass=letmein"],
    (session, options: MaintenanceOptions) => turnOn(session, options),
  );
  run(maintenance.command("off").description("requests go to the application again"), ["hitless maintenance off"], (session) =>
    end(session, "maintenance", { page: null }, "is served by the application again"),
  );
}

/** Also returns at the limit: the person who waits must know. */
async function pause(session: Session, options: PauseOptions): Promise<void> {
  const app = await session.app();
  await session.client.request(app, "pause", { forMs: timeOf("--for", options.for), then: options.then });
  for (;;) {
    const status = await session.client.app(app);
    if (typeof status.pause?.quietAt === "number") {
      show(session, status, pauseText(status, Date.now()));
      return;
    }
    if (status.pause === null || Date.now() >= status.pause.until) throw stillBusy(status);
    await sleep(POLL_MS);
  }
}

function stillBusy({ app, traffic }: AppStatus): HitlessError {
  const busy = traffic === null ? 0 : traffic.inFlight - traffic.held;
  return new HitlessError({
    code: "ERR_TIMEOUT",
    what: `The pause of ${app} ended before everything in flight had.`,
    why: `${String(busy)} requests were in flight at the end.`,
    next: "`hitless resume` lets requests go on; `hitless pause --for 2m` waits longer.",
  });
}

async function turnOn(session: Session, options: MaintenanceOptions): Promise<void> {
  const app = await session.app();
  await session.client.request(app, "maintenance", { page: await wishOf(session, options) });
  const status = await session.client.app(app);
  show(session, status, maintenanceText(status, Date.now()));
}

async function wishOf(session: Session, options: MaintenanceOptions): Promise<NonNullable<MaintenanceRequest["page"]>> {
  const page = options.page === undefined ? undefined : await readPage(session.host.cwd, options.page);
  if (typeof page === "string") throw usage("--page", page);
  const retryAfter = wholeOf("--retry-after", options.retryAfter);
  return {
    page,
    status: wholeOf("--status", options.status),
    retryAfterS: retryAfter === 0 ? null : retryAfter,
    allow: options.allow === undefined ? undefined : [...options.allow],
    allowCookies: options.allowCookie?.map((text) => {
      const [name = "", ...value] = text.split("=");
      return { name, value: value.length === 0 ? null : value.join("=") };
    }),
  };
}

async function end(session: Session, operation: string, body: object, text: string): Promise<void> {
  const app = await session.app();
  await session.client.request(app, operation, body);
  show(session, await session.client.app(app), [`${app} ${text}`]);
}

function show({ output, wantsJson }: Session, status: AppStatus, lines: readonly string[]): void {
  const { app, pause: paused, maintenance, traffic } = status;
  if (wantsJson) output.json({ app, pause: paused, maintenance, waiting: traffic?.held ?? null });
  else for (const line of lines) output.line(line);
}

function timeOf(option: string, text: string): number {
  const parsed = duration(100).safeParse(text);
  if (parsed.success) return parsed.data;
  throw usage(`${option} ${text}`, parsed.error.issues[0]?.message ?? "");
}

function wholeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,9}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw usage(`${option} ${text}`, "It is a whole number.");
}

function usage(what: string, why: string): HitlessError {
  return new HitlessError({ code: "ERR_USAGE", what: `${what} is not valid.`, why });
}
