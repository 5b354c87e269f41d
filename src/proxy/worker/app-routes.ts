import type { InstanceName, ReleaseName } from "../../base/names.ts";
import type { RouteTable } from "../../core/routes.ts";
import type { PreviewSpec } from "../../core/routing.ts";
import { OldAssets } from "./assets/old-assets.ts";
import { AppGate } from "./app-gate.ts";
import type { Balancer } from "./balancer.ts";
import { cohortOf, type Cohort } from "./cohort.ts";
import type { ClientAddress } from "./forwarded-fields.ts";
import type { LiveTarget } from "./live-target.ts";
import { opens, previewAsked, type PreviewAsked } from "./preview.ts";
import type { ReleaseSeal } from "./release-seal.ts";
import type { RequestBook } from "./request-book.ts";
import type { RequestHead } from "./request-head.ts";
import { unrouted, type Route, type RoutedApp, type Unrouted } from "./route.ts";
import { Skew, type SkewedRequest } from "./skew.ts";
import { Targeted } from "./targeted.ts";

const LOOP = "ERR_FORWARDING_LOOP: the request has come through this proxy again and again, as its Via field says";

type Pick = Route["pick"];

export interface AppRoutesParts {
  readonly app: RoutedApp;
  readonly book: RequestBook;
  /** Previews are no clients' requests: they have a book of their own. */
  readonly previews: RequestBook;
  readonly balancer: Balancer;
  readonly seal: ReleaseSeal;
  /** Requests wait at the moment, whatever could take them. */
  readonly isPaused: () => boolean;
}

/** Says which of an app's releases a request may go to. */
export class AppRoutes {
  readonly #parts: AppRoutesParts;
  #gate = new AppGate(undefined);
  #table: RouteTable;
  #targeted: Targeted | null = null;
  #skew: Skew | null = null;
  #assets: OldAssets | null = null;
  readonly #route: Route;
  /** Through whatever stands before the app. */
  readonly #openRoute: Route;
  /** For those that are to get one release: others serve them only while nothing of it can. */
  readonly #targetedRoute: Route;

  constructor(parts: AppRoutesParts) {
    this.#parts = parts;
    this.#table = parts.app.table;
    this.#openRoute = this.#routeBy((tried) => parts.balancer.pick(tried));
    this.#route = this.#routeBy(this.#unlessPaused((tried) => parts.balancer.pick(tried)));
    this.#targetedRoute = this.#routeBy(this.#unlessPaused((tried) => this.#pickFirstIn(this.#targeted?.release ?? "", tried)));
  }

  install(table: RouteTable, gate: AppGate): void {
    this.#table = table;
    this.#gate = gate;
    this.#targeted = table.targeting === undefined ? null : new Targeted(table.targeting);
    this.#assets = table.assets === undefined ? null : new OldAssets(table.assets);
    const skew = table.routing?.skew ?? null;
    this.#skew = skew === null ? null : new Skew(skew, table.app, this.#parts.seal);
  }

  route(head: RequestHead, client: ClientAddress): Route | Unrouted {
    const { app, book } = this.#parts;
    if (app.forwarding.loops(head)) return unrouted(book, 508, LOOP);
    const preview = this.#table.routing?.preview ?? null;
    const asked = preview === null ? null : previewAsked(preview, head);
    if (preview !== null && asked !== null) return this.#preview(asked, preview);
    if (!this.#gate.isOpen && this.#gate.isExcepted(head)) return this.#openRoute;
    return this.#toClientsRelease(head, client);
  }

  #toClientsRelease(head: RequestHead, client: ClientAddress): Route {
    const { app } = this.#parts;
    const address = (): string => app.forwarding.clientOf(head, client);
    const skewed = this.#skew?.read(head, client.secure) ?? null;
    if (skewed !== null && this.#isServed(skewed.asked)) return this.#pinned(skewed.asked, skewed);
    const isTargeted = this.#targeted?.has(head, address) === true;
    const cohort = isTargeted ? null : this.#cohort(head, client, address);
    const route = isTargeted ? this.#targetedRoute : this.#routeOf(cohort);
    return skewed === null ? route : { ...route, answerFields: (answer, served) => skewed.fields(answer, served, cohort) };
  }

  /** Null while one release serves, and where no client is told from another. */
  #cohort(head: RequestHead, client: ClientAddress, address: () => string): Cohort | null {
    const spec = this.#table.routing?.cohort ?? null;
    if (spec === null || !this.#parts.balancer.isSplit) return null;
    return cohortOf(spec, head, { address: address(), secure: client.secure });
  }

  #routeOf(cohort: Cohort | null): Route {
    if (cohort === null) return this.#route;
    const { value, fields } = cohort;
    return this.#routeBy(
      this.#unlessPaused((tried) => this.#parts.balancer.pickFor(value, tried)),
      () => fields,
    );
  }

  /** For the page of a release: another one serves it only while nothing of that release can, and says so. */
  #pinned(release: ReleaseName, skewed: SkewedRequest): Route {
    return this.#routeBy(
      this.#unlessPaused((tried) => this.#pickFirstIn(release, tried)),
      (answer, served) => skewed.fields(answer, served, null),
    );
  }

  /** It is in the table for clients: with a weight, or on standby. */
  #isServed(wanted: ReleaseName | null): wanted is ReleaseName {
    return this.#table.pools.some(({ release, weight, preview, targets }) => {
      return release === wanted && targets.length > 0 && (weight > 0 || preview !== true);
    });
  }

  /** Only the pool that is asked for, never a live one. */
  #preview(asked: PreviewAsked, spec: PreviewSpec): Route | Unrouted {
    const { balancer, previews } = this.#parts;
    const pool = this.#table.pools.find(({ release, weight, preview, targets }) => {
      return preview === true && weight === 0 && targets.length > 0 && opens(asked, release, spec);
    });
    if (pool === undefined) return unrouted(previews, 404, "there is no release to preview under that name or secret");
    const { release } = pool;
    return {
      ...this.#routeBy(this.#unlessPaused((tried) => balancer.pickIn(release, tried))),
      book: previews,
      assets: () => null,
    };
  }

  #pickFirstIn(release: ReleaseName, tried: ReadonlySet<InstanceName> | null): LiveTarget | null {
    const { balancer } = this.#parts;
    return balancer.pickUpIn(release, tried) ?? balancer.pick(tried);
  }

  #unlessPaused(pick: Pick): Pick {
    return (tried) => (this.#parts.isPaused() ? null : pick(tried));
  }

  #routeBy(pick: Pick, answerFields: Route["answerFields"] = nothing): Route {
    const { app, book } = this.#parts;
    return { app, book, answerFields, pick, assets: () => this.#assets };
  }
}

function nothing(): string {
  return "";
}
