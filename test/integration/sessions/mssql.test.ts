import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { sessionStore, type SessionStore } from "../../../src/session.ts";
import { SQL } from "../../../src/sessions/store/mssql-sql.ts";
import { refused } from "../../support/sessions/tds/tokens.ts";
import { packets } from "../../support/sessions/tds/messages.ts";
import { issue } from "../../support/tls/issue.ts";
import { TdsServer } from "../../support/sessions/tds/server.ts";

function opened(url: string): SessionStore {
  const store = sessionStore(url);
  store.on("problem", () => undefined);
  onTestFinished(() => store.close().catch(() => undefined));
  return store;
}

describe("sessions in SQL Server (a scripted peer)", () => {
  it("a wrong password is said as SQL Server says it, each time", async () => {
    const server = await TdsServer.started();
    const store = opened(server.url("wrong"));
    await expect(store.get("x")).rejects.toThrow("Login failed for user 'shop'.");
    await expect(store.get("x")).rejects.toThrow("Login failed for user 'shop'.");
  });

  it.each([
    ["mssql://127.0.0.1/", /names no user\. It names no database\./],
    ["mssql://shop@127.0.0.1/shop?encrypt=maybe&pool=3", /no option "pool".*"encrypt" is true or false/],
  ])("a URL like %s is refused with all that is wrong", async (url, problems) => {
    await expect(opened(url).get("x")).rejects.toThrow(problems);
  });

  it("what is sent is encrypted unless the URL says otherwise, to a server whose certificate is right, or is not to be checked", async () => {
    const server = await TdsServer.started(await issue(["localhost"]));
    await expect(opened(server.url(undefined, "")).get("x")).rejects.toThrow(/self-signed certificate/);
    expect(server.loginsTried).toBe(0);
    const store = opened(server.url(undefined, "?trustServerCertificate=true"));
    const large = "ü😀x".repeat(100_000);
    await store.set("large", { large });
    expect(await store.get("large")).toEqual({ large });
    expect(server.logins).toBeGreaterThan(0);
  });

  it("a server that cannot encrypt gets no password, nor does one that must be spoken to in the clear", async () => {
    const [plain, strict] = [await TdsServer.started(), await TdsServer.started(await issue(["localhost"]))];
    await expect(opened(plain.url(undefined, "")).get("x")).rejects.toThrow("Server did not negotiate encryption");
    await expect(opened(strict.url()).get("x")).rejects.toThrow("Server requires encryption");
    expect([plain.loginsTried, strict.loginsTried]).toEqual([0, 0]);
  });

  it("what was asked when the connection broke is asked again", async () => {
    const server = await TdsServer.started();
    const store = opened(server.url());
    await store.set("s", { n: 1 });
    server.once((socket) => socket.resetAndDestroy());
    await store.set("s", { n: 2 });
    // In the midst of an answer.
    server.once((socket) => {
      socket.end(packets(refused(0, "half")).subarray(0, 20));
    });
    expect(await store.get("s")).toEqual({ n: 2 });
  });

  it("a server that is gone is said at once, and used again when it is back", async () => {
    const server = await TdsServer.started();
    const store = opened(server.url());
    await store.set("s", { n: 1 });
    await server.stop();
    await expect(store.get("s")).rejects.toThrow(`Failed to connect to 127.0.0.1:${server.port}`);
    await server.start();
    expect(await store.get("s")).toEqual({ n: 1 });
  });

  it("a statement that was given up for another one is run again; any other refusal is told", async () => {
    const server = await TdsServer.started();
    const store = opened(server.url());
    await store.set("s", { n: 1 });
    const refuse = (number: number, message: string) => (socket: { write: (bytes: Buffer) => unknown }) => {
      socket.write(packets(refused(number, message, 13)));
    };
    server.once(refuse(1205, "Transaction was deadlocked and has been chosen as the deadlock victim."));
    await store.set("s", { n: 2 });
    server.once(refuse(1105, "Could not allocate space for object 'hitless_sessions'."));
    await expect(store.set("s", { n: 3 })).rejects.toThrow("Could not allocate space");
    await expect(store.set("x".repeat(500), { n: 3 })).rejects.toThrow("would be truncated");
    expect(await store.get("s")).toEqual({ n: 2 });
  });

  it("a session of megabytes is whole, and a hundred at a time share ten connections", async () => {
    const server = await TdsServer.started();
    const store = opened(server.url());
    const large = "ü😀x".repeat(1_000_000);
    await store.set("large", { large });
    expect(await store.get("large")).toEqual({ large });
    await Promise.all(Array.from({ length: 100 }, (_, n) => store.set(`s${n}`, { n })));
    expect(await store.length()).toBe(101);
    expect(server.logins).toBe(10);
  });

  it("ids that differ in case, or mean something in a pattern, are different sessions; a year is not too long", async () => {
    const server = await TdsServer.started();
    const store = sessionStore(server.url(), { prefix: "a_%[:", ttlMs: 366 * 86_400_000 });
    onTestFinished(() => store.close());
    await store.set("Ab", { n: 1 });
    await store.set("aB", { n: 2 });
    await opened(server.url()).set("x", { n: 3 });
    expect([await store.get("Ab"), await store.get("aB"), await store.length()]).toEqual([{ n: 1 }, { n: 2 }, 2]);
  });

  it("the script for those who create the table themselves is what is run otherwise", () => {
    const script = readFileSync(new URL("../../../schema/sessions.mssql.sql", import.meta.url), "utf8");
    expect(script.replace(/^--.*\n/gm, "").trim()).toBe(SQL.create);
  });
});
