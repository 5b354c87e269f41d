/** What a request brought of the fields that say where it came from; empty where it did not. Repeated fields are joined in their order. */
export interface ForwardedIn {
  readonly "x-forwarded-for": string;
  readonly "x-forwarded-proto": string;
  readonly "x-forwarded-host": string;
  readonly "x-forwarded-port": string;
  readonly forwarded: string;
}

export const NOT_FORWARDED: ForwardedIn = Object.freeze({
  "x-forwarded-for": "",
  "x-forwarded-proto": "",
  "x-forwarded-host": "",
  "x-forwarded-port": "",
  forwarded: "",
});

/** The field's name in small letters. Others change nothing. */
export function noteForwarded(known: ForwardedIn, name: string, value: string): ForwardedIn {
  if (!Object.hasOwn(NOT_FORWARDED, name) || value === "") return known;
  const before = known[name as keyof ForwardedIn];
  return { ...known, [name]: before === "" ? value : `${before}, ${value}` };
}
