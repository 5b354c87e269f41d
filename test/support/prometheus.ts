import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePort } from "./free-port.ts";
import { temporaryDirectory, until } from "./temp.ts";

export interface Scraped {
  readonly url: string;
  /** What the next scrapes find. */
  set(metrics: string): void;
  end(): Promise<void>;
}

/** A real Prometheus that scrapes a page of ours five times a second. */
export async function startPrometheus(metrics: string): Promise<Scraped> {
  let page = metrics;
  const target = createServer((_request, answer) => {
    answer.setHeader("content-type", "text/plain; version=0.0.4");
    answer.end(page);
  });
  await new Promise<void>((resolve) => void target.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void target.close());
  const directory = temporaryDirectory();
  const config = join(directory, "prometheus.yml");
  const address = `127.0.0.1:${String((target.address() as AddressInfo).port)}`;
  writeFileSync(
    config,
    `scrape_configs: [{ job_name: shop, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{ targets: ["${address}"] }] }]\n`,
  );
  const port = await freePort();
  const args = [`--config.file=${config}`, `--storage.tsdb.path=${join(directory, "data")}`, "--log.level=error"];
  const child = spawn("prometheus", [...args, `--web.listen-address=127.0.0.1:${String(port)}`], { stdio: "ignore" });
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  onTestFinished(end);
  const url = `http://127.0.0.1:${String(port)}`;
  await until(async () => {
    const answer = await fetch(`${url}/api/v1/query?query=up`).catch(() => null);
    return answer !== null && (await answer.text()).includes('"1"');
  });
  return {
    url,
    set: (metricsNow) => {
      page = metricsNow;
    },
    end,
  };
}
