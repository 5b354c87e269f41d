import { z } from "zod";
import type { ListenAddress } from "../core/listen-address.ts";

const TEXT = /^(?:(\[[0-9A-Fa-f:.]+\]|[^:\s]+):)?(\d{1,5})$/;
const error = 'expected a port such as 8080, or an address such as "127.0.0.1:8080" or "[::]:80"';

/** Where the proxy listens: `8080` (loopback), `"0.0.0.0:80"`, `"[::1]:8080"`. */
export const address = z
  .union([z.number().int(), z.string().regex(TEXT, { error })], { error })
  .transform(parseAddress)
  .refine(({ port }) => port >= 0 && port <= 65_535, { error });

function parseAddress(value: number | string): ListenAddress {
  if (typeof value === "number") return { host: "127.0.0.1", port: value };
  const [, host = "127.0.0.1", port = ""] = TEXT.exec(value) ?? [];
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
