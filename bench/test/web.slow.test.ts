/** The short run of the browser's benchmark: its page, without transformers.js and without a clock. */
import { expect, test } from "vitest";
import { hasChromium } from "../src/web/browser.js";
import { checkWebAgreement } from "../src/web.js";

// Twelve seconds by itself; 48 were seen on a busy machine.
test("a page's texts and pictures are Node's", { timeout: 180_000 }, async () => {
  expect(await checkWebAgreement()).toHaveLength(hasChromium ? 2 : 1);
});
