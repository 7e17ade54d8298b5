/** The page on the fake backend; both within a test's reach. */
import { BackendError, mountSearchPage } from "../../src/index.js";
import { FakeBackend } from "./fake-backend.js";

const backend = new FakeBackend();
const settings = new URLSearchParams(location.hash.slice(1));
if (settings.has("key")) backend.key = settings.get("key") ?? undefined;
if (settings.has("away")) backend.failure = new BackendError("unreachable", "connection failed");
const root = document.querySelector<HTMLElement>("#app");
if (root === null) throw new Error("main: expected an element #app");

mountSearchPage(root, backend, {
  title: { zh: "以文搜图", en: "Image search" },
  subtitle: { zh: "用一句中文，在图片里寻找。", en: "Find images by a sentence in Chinese." },
  suggestions: () => [
    { text: "海边的日落", meaning: "a sunset at the sea" },
    { text: "一只猫在睡觉", meaning: "a cat asleep" },
  ],
});
Object.assign(globalThis, { backend, BackendError });
