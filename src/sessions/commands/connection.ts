import { parseInteger, parseNumber } from "../resp/integer.ts";
import { error, MapReply, OK, SimpleString, type ErrorReply, type Reply } from "../resp/reply.ts";
import { CLIENT, setName } from "./client-command.ts";
import { command, type Command, type Context } from "./command.ts";
import { SYNTAX, wrongArity } from "./errors.ts";
import { REDIS_VERSION } from "./info.ts";

const NO_PASSWORD = error(
  "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
);
const WRONG_PASSWORD = error("WRONGPASS invalid username-password pair or user is disabled.");
const HELLO_FIRST = error(
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
);

function ping(_: Context, args: readonly string[]): Reply {
  if (args.length > 2) return wrongArity("ping");
  return args[1] ?? new SimpleString("PONG");
}

function auth({ client, server }: Context, [, first = "", second, ...more]: readonly string[]): Reply {
  if (more.length > 0) return SYNTAX;
  if (second === undefined && !server.passwords.required) return NO_PASSWORD;
  return signIn({ client, server }, second === undefined ? "default" : first, second ?? first) ?? OK;
}

/** Null if it may come in. Without a password everybody is the user `default`, whatever they say (Redis: "nopass"). */
function signIn({ client, server }: Pick<Context, "client" | "server">, user: string, password: string): ErrorReply | null {
  if (user !== "default" || (server.passwords.required && !server.passwords.accepts(password))) return WRONG_PASSWORD;
  client.authenticated = true;
  return null;
}

/** HELLO [2|3 [AUTH user password] [SETNAME name]] */
function hello(context: Context, [, version, ...words]: readonly string[]): Reply {
  const { client } = context;
  const protocol = version === undefined ? client.protocol : parseNumber(version);
  if (protocol === null) return error("ERR Protocol version is not an integer or out of range");
  if (protocol !== 2 && protocol !== 3) return error("NOPROTO unsupported protocol version");
  const refused = takeHelloOptions(context, words);
  if (refused !== null) return refused;
  if (!client.authenticated) return HELLO_FIRST;
  client.protocol = protocol;
  return new MapReply([
    ["server", "redis"],
    ["version", REDIS_VERSION],
    ["proto", protocol],
    ["id", client.id],
    ["mode", "standalone"],
    ["role", "master"],
    ["modules", []],
  ]);
}

function takeHelloOptions(context: Context, words: readonly string[]): ErrorReply | null {
  for (let i = 0; i < words.length;) {
    const word = words[i] ?? "";
    const left = words.length - i - 1;
    if (word.toUpperCase() === "AUTH" && left >= 2) {
      const refused = signIn(context, words[i + 1] ?? "", words[i + 2] ?? "");
      if (refused !== null) return refused;
      i += 3;
    } else if (word.toUpperCase() === "SETNAME" && left >= 1) {
      const bad = setName(context, words[i + 1] ?? "");
      if (bad !== null) return bad;
      i += 2;
    } else return error(`ERR Syntax error in HELLO option '${word}'`);
  }
  return null;
}

function reset({ client, server }: Context): Reply {
  client.queue = null;
  client.queueFailed = false;
  client.database = 0;
  client.protocol = 2;
  client.name = "";
  client.authenticated = !server.passwords.required;
  return new SimpleString("RESET");
}

function quit({ client }: Context): Reply {
  client.ending = true;
  return OK;
}

/** One server, nothing to wait for. */
function wait(_: Context, [, replicas = "", timeout = ""]: readonly string[]): Reply {
  const [wanted, ms] = [parseNumber(replicas), parseInteger(timeout)];
  if (wanted === null) return error("ERR value is not an integer or out of range");
  if (ms === null) return error("ERR timeout is not an integer or out of range");
  return ms < 0n ? error("ERR timeout is negative") : 0;
}

export const CONNECTION: readonly Command[] = [
  command("ping", -1, "fast", ping),
  command("echo", 2, "fast", (_, [, text = ""]) => text),
  command("auth", -2, "open fast", auth),
  command("hello", -1, "open fast", hello),
  CLIENT,
  command("reset", 1, "open fast immediate", reset),
  command("quit", -1, "open fast immediate", quit),
  command("wait", 3, "", wait),
];
