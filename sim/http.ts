import { HitlessError } from "../src/base/error.ts";
import type { Http } from "../src/ports/http.ts";

/** Nobody answers outside of the simulated machine. */
export const simHttp: Http = {
  send: () => Promise.reject(new HitlessError({ code: "ERR_HTTP_FAILED", what: "Nobody answers.", why: "It is simulated." })),
};
