import { chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";

/** As Debian names the program. */
export const BROWSER = "chromium";

/** A page in a real browser, which ends with the running test. */
export async function openPage(url: string): Promise<Page> {
  // CI runs as root, where the browser's own sandbox cannot be had; the pages are ours.
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  const browser = await chromium.launch({ executablePath: `/usr/bin/${BROWSER}`, args });
  onTestFinished(async () => {
    await browser.close();
  });
  const page = await browser.newPage();
  await page.goto(url);
  return page;
}
