import type { ListenAddress } from "../core/listen-address.ts";

/** The key under which holder and worker speak of a listener: its address as bound. */
export function listenerKey({ host, port }: ListenAddress): string {
  return `${host}:${String(port)}`;
}

/** The name of the book in which the requests on a listener are counted that no app has claimed; no app can have that name. */
export function bookOf(listener: string): string {
  return `@${listener}`;
}
