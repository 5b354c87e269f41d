import type { Targeting } from "../../core/routes.ts";
import { AddressSet } from "./address-set.ts";
import { cookieTest, headerTest, type FieldTest } from "./head-fields.ts";
import type { RequestHead } from "./request-head.ts";

/** Requests that go to one release whatever its weight is, ready for being asked with each one. */
export class Targeted {
  readonly release: string;
  readonly #tests: readonly FieldTest[];
  readonly #addresses: AddressSet | null;

  constructor({ release, headers, cookies, addresses }: Targeting) {
    this.release = release;
    this.#tests = [
      ...headers.map(({ name, value }) => headerTest(name, value)),
      ...cookies.map(({ name, value }) => cookieTest(name, value)),
    ];
    this.#addresses = addresses.length === 0 ? null : new AddressSet(addresses);
  }

  has({ forward }: RequestHead, address: () => string): boolean {
    if (this.#tests.some((test) => test(forward))) return true;
    return this.#addresses?.has(address()) === true;
  }
}
