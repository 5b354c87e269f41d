import { parseNumber } from "../resp/integer.ts";
import { error, OK, Verbatim, type ErrorReply, type Reply } from "../resp/reply.ts";
import type { Client } from "./client.ts";
import { container, type Command, type Context } from "./command.ts";
import { SYNTAX } from "./errors.ts";

const BAD_NAME = error("ERR Client names cannot contain spaces, newlines or special characters.");

/** No spaces and nothing that is not printable, so that CLIENT LIST stays readable. Null if it is well. */
export function setName({ client }: Pick<Context, "client">, name: string): ErrorReply | null {
  if (!/^[!-~]*$/.test(name)) return BAD_NAME;
  client.name = name;
  return null;
}

function setInfo({ client }: Context, [, , attribute = "", value = ""]: readonly string[]): Reply {
  if (!/^[!-~]*$/.test(value))
    return error(`ERR ${attribute.toLowerCase()} cannot contain spaces, newlines or special characters.`);
  if (attribute.toUpperCase() === "LIB-NAME") client.library = value;
  else if (attribute.toUpperCase() === "LIB-VER") client.libraryVersion = value;
  else return error(`ERR Unrecognized option '${attribute}'`);
  return OK;
}

function list({ server, keyspace }: Context, [, , option, ...values]: readonly string[]): Reply {
  let clients = [...server.clients()];
  if (option !== undefined) {
    if (values.length === 0 || !["ID", "TYPE"].includes(option.toUpperCase())) return SYNTAX;
    if (option.toUpperCase() === "ID") clients = clients.filter(({ id }) => values.includes(String(id)));
    else if (values[0]?.toLowerCase() !== "normal") clients = [];
  }
  return new Verbatim(clients.map((client) => `${describe(client, keyspace.now)}\n`).join(""));
}

/** CLIENT KILL addr:port, or KILL ID n / ADDR addr:port. */
function kill({ server, client }: Context, [, , first = "", second]: readonly string[]): Reply {
  const [option, value] = second === undefined ? ["ADDR", first] : [first.toUpperCase(), second];
  if (option !== "ADDR" && option !== "ID") return SYNTAX;
  if (option === "ID" && (parseNumber(value) ?? 0) < 1) return error("ERR client-id should be greater than 0");
  const found = [...server.clients()].filter((one) => (option === "ID" ? String(one.id) === value : one.address === value));
  for (const one of found) {
    if (one === client) one.ending = true;
    else server.end(one);
  }
  if (second !== undefined) return found.length;
  return found.length > 0 ? OK : error("ERR No such client");
}

function onOrOff(_: Context, [, , word = ""]: readonly string[]): Reply {
  return ["ON", "OFF"].includes(word.toUpperCase()) ? OK : SYNTAX;
}

function describe(client: Client, now: number): string {
  const { id, address, name, database, protocol, library, libraryVersion, queue } = client;
  const seconds = (since: number): number => Math.max(0, Math.floor((now - since) / 1000));
  const watching = [...client.watched.values()].reduce((sum, keys) => sum + keys.size, 0);
  return [
    `id=${id} addr=${address} name=${name} age=${seconds(client.since)} idle=${seconds(client.lastActive)}`,
    `flags=${queue === null ? "N" : "x"} db=${database} sub=0 psub=0 multi=${queue === null ? -1 : queue.length} watch=${watching}`,
    `cmd=${client.lastCommand} user=default resp=${protocol} lib-name=${library} lib-ver=${libraryVersion}`,
  ].join(" ");
}

export const CLIENT: Command = container("client", {
  ID: [2, ({ client }) => client.id],
  GETNAME: [2, ({ client }) => (client.name === "" ? null : client.name)],
  SETNAME: [3, (context, [, , name = ""]) => setName(context, name) ?? OK],
  SETINFO: [4, setInfo],
  INFO: [2, ({ client, keyspace }) => new Verbatim(`${describe(client, keyspace.now)}\n`)],
  LIST: [-2, list],
  KILL: [-3, kill],
  GETREDIR: [2, () => -1],
  "NO-EVICT": [3, onOrOff],
  "NO-TOUCH": [3, onOrOff],
});
