import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseCertificate } from "../../../../src/proxy/tls/certificate.ts";
import { isInstalled } from "../../../support/found.ts";
import { Http2Upstream } from "../../../support/http2/upstream.ts";
import { temporaryDirectory, until } from "../../../support/temp.ts";
import { issue } from "../../../support/tls/issue.ts";
import { run } from "../../../support/tls/run.ts";
import { startAnswering } from "../../../support/wire/scripted-upstream.ts";
import { WireProxy } from "../../../support/wire/wire-proxy.ts";

describe.skipIf(!isInstalled("curl"))("curl", () => {
  it("--http2-prior-knowledge: an answer, an upload, HEAD", async () => {
    const upstream = await startAnswering();
    const proxy = await WireProxy.start([upstream.port], { proxy: { http2Cleartext: true } });
    const url = `http://127.0.0.1:${proxy.port}/`;
    const show = ["-sS", "--http2-prior-knowledge", "-w", " %{http_version} %{http_code}"];
    expect(await run("curl", [...show, url])).toEqual({ code: 0, stdout: "ok 2 200", stderr: "" });
    expect(await run("curl", [...show, "--data-binary", "@-", url], "x".repeat(300_000))).toMatchObject({ stdout: "ok 2 200" });
    expect(upstream.requests[1]!.body.length).toBe(300_000);
    expect(await run("curl", [...show, "-I", "-o", "/dev/null", url])).toMatchObject({ stdout: " 2 200" });
    expect(await proxy.ledger()).toEqual({ served: 3 });
  });

  it("--http2 over TLS, and HTTP/1.1 where it asks for that (M1)", async () => {
    const { cert, key } = await issue(["shop.test"]);
    const { certificate } = parseCertificate(cert, key);
    const upstream = await Http2Upstream.start();
    const proxy = await WireProxy.start([upstream.port], { protocol: "h2c", secure: { certificate: certificate!, hsts: null } });
    const file = `${temporaryDirectory()}/cert.pem`;
    writeFileSync(file, cert);
    const show = [
      "-sS",
      "--cacert",
      file,
      "--resolve",
      `shop.test:${proxy.port}:127.0.0.1`,
      "-w",
      " %{http_version} %{http_code}",
    ];
    const url = `https://shop.test:${proxy.port}/`;
    expect(await run("curl", [...show, "--http2", url])).toEqual({ code: 0, stdout: "ok 2 200", stderr: "" });
    expect(await run("curl", [...show, "--http1.1", url])).toEqual({ code: 0, stdout: "ok 1.1 200", stderr: "" });
    expect(await proxy.ledger()).toEqual({ served: 2 });
  });
});

describe.skipIf(!isInstalled("h2load"))("h2load", () => {
  it.each(["http1", "h2c"] as const)("no error through ten switches and drains (instances: %s)", async (protocol) => {
    const start = async (): Promise<{ port: number }> => (protocol === "h2c" ? Http2Upstream.start() : startAnswering());
    let old = await start();
    const proxy = await WireProxy.start([old.port], { protocol, proxy: { http2Cleartext: true } });
    const requests = 4_000;
    const ran = run("h2load", ["-n", String(requests), "-c", "4", "-m", "16", `http://127.0.0.1:${proxy.port}/`]);
    const progress = { ended: false };
    void ran.then(() => (progress.ended = true));
    let switches = 0;
    await until(() => proxy.inFlight > 0 || progress.ended, { what: "load" });
    while (!progress.ended && switches < 10) {
      const next = await start();
      proxy.route([next.port]);
      await proxy.drain([old.port]);
      old = next;
      switches += 1;
    }
    const { stdout } = await ran;
    expect(stdout).toContain(
      `${requests} total, ${requests} started, ${requests} done, ${requests} succeeded, 0 failed, 0 errored`,
    );
    expect(switches).toBeGreaterThan(2);
    const { served = 0, servedAfterRetry = 0, ...others } = await proxy.ledger();
    expect([served + servedAfterRetry, others]).toEqual([requests, {}]);
  });
});
