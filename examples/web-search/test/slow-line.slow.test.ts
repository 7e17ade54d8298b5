/** A first visit over 500 kB/s: what is said of the download is true, and at its end the page works. Some 45 seconds, hence among the slow tests. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath } from "@chinese-clip/browser";
import { openSite, type Site, visit } from "./visit.js";
import { SlowLine } from "./slow-line.js";

const BYTES_PER_SECOND = 500_000;
/** What is sent and not yet told: pieces on their way through two workers, and the headers. */
const MARGIN = 1_500_000;

describe.skipIf(chromiumPath === undefined)("a slow line", { timeout: 300_000 }, () => {
  let site: Site;
  let line: SlowLine;
  beforeAll(async () => {
    site = await openSite();
    line = await SlowLine.open(site.origin, BYTES_PER_SECOND);
  });
  afterAll(async () => {
    await line.close();
    await site.close();
  });

  it.each([
    ["zh-CN", /^正在加载模型\s+(\d+)%（([\d.]+) (k|M)B \/ ([\d.]+) MB）/u],
    ["en-GB", /^Loading the model\s+(\d+)% \(([\d.]+) (k|M)B of ([\d.]+) MB\)/u],
  ])("tells how far the download is, in %s, at 360 pixels", async (locale, pattern) => {
    line.reset();
    const page = await visit({ ...site, origin: line.origin }, { locale, viewport: { width: 360, height: 740 } }, []);
    const told: { percent: number; loaded: number; total: number; sent: number }[] = [];
    const status = page.getByRole("status").first();
    for (;;) {
      const text = ((await status.textContent()) ?? "").trim();
      const [, percent, loaded, unit, total] = pattern.exec(text) ?? [];
      if (loaded !== undefined)
        told.push({
          percent: Number(percent),
          loaded: Number(loaded) * (unit === "M" ? 1e6 : 1e3),
          total: Number(total) * 1e6,
          sent: line.sent,
        });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
      if ((await page.getByText(/WebAssembly/u).count()) > 0) break;
      await page.waitForTimeout(400);
    }
    expect(told.length).toBeGreaterThan(20);
    for (const [i, { percent, loaded, total, sent }] of told.entries()) {
      expect(percent).toBeGreaterThanOrEqual(told[i - 1]?.percent ?? 0);
      expect(Math.abs(percent - (100 * loaded) / total)).toBeLessThan(2);
      // Never more than has come, and not long after it.
      expect(loaded).toBeLessThan(sent + 100_000);
      expect(loaded).toBeGreaterThan(sent - MARGIN);
    }
    await page.context().close();
  });
});
