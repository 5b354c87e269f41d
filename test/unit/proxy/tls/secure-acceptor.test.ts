import { createServer, type AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { AlpnCertificate } from "../../../../src/proxy/tls/challenges.ts";
import { parseCertificate, type Certificate } from "../../../../src/proxy/tls/certificate.ts";
import { SecureAcceptor } from "../../../../src/proxy/tls/secure-acceptor.ts";
import { ask } from "../../../support/tls/client.ts";
import { issue } from "../../../support/tls/issue.ts";

async function certificateFor(name: string): Promise<Certificate> {
  const pair = await issue([name]);
  const { certificate } = parseCertificate(pair.cert, pair.key);
  if (certificate === null) throw new Error("it cannot be used");
  return certificate;
}

/** Answers every secure connection with "served". */
async function acceptorFor(challenge: AlpnCertificate, handshakeMs = 10_000) {
  const failures: string[] = [];
  const acceptor = new SecureAcceptor({ minVersion: "TLSv1.2", unknownName: "default" }, handshakeMs, {
    challengeFor: (servername) => (servername === "asked.test" ? challenge : null),
    onSecure: (socket) => {
      socket.on("error", () => undefined);
      socket.on("data", () => socket.end("served"));
    },
    onFailure: (error) => failures.push((error as NodeJS.ErrnoException).code ?? ""),
  });
  acceptor.setCertificates([await certificateFor("asked.test")]);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    acceptor.accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  return { acceptor, failures, port: (server.address() as AddressInfo).port };
}

describe.each(["TLSv1.2", "TLSv1.3"] as const)("an authority that speaks %s", (maxVersion) => {
  test("is shown the certificate of its challenge, and nothing is served to it", async () => {
    const { port, acceptor } = await acceptorFor(await issue(["challenge.test"]));
    const options = { servername: "asked.test", maxVersion, ALPNProtocols: ["acme-tls/1"] };
    const answer = await ask(port, options);
    expect(answer).toMatchObject({ certificate: "challenge.test", text: "" });
    expect(acceptor.handshaking).toBe(0);
  });

  test("without a challenge is turned away; everybody else is served as ever", async () => {
    const { port, failures, acceptor } = await acceptorFor(await issue(["challenge.test"]));
    const strange = ask(port, { servername: "other.test", maxVersion, ALPNProtocols: ["acme-tls/1"] });
    await expect(strange).rejects.toThrow(/no application protocol/i);
    expect(failures).toEqual(["ERR_SSL_NO_APPLICATION_PROTOCOL"]);
    const usual = await ask(port, { servername: "asked.test", maxVersion, ALPNProtocols: ["http/1.1"] });
    expect(usual).toMatchObject({ certificate: "asked.test", text: "served" });
    expect(acceptor.handshaking).toBe(0);
  });
});

test("a client that does not shake hands in time is let go", async () => {
  const { port, failures } = await acceptorFor(await issue(["challenge.test"]), 50);
  const { connect } = await import("node:net");
  await new Promise<void>((resolve) => {
    connect(port, "127.0.0.1")
      .on("error", () => undefined)
      .on("close", () => {
        resolve();
      })
      .resume();
  });
  expect(failures).toEqual(["ERR_TLS_HANDSHAKE_TIMEOUT"]);
});
