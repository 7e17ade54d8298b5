/**
 * The server's page: the search page of all backends, on this server's own routes.
 */
import { mountSearchPage } from "@chinese-clip/search-page";
import { HttpBackend } from "./http-backend.js";

const root = document.querySelector<HTMLElement>("#app");
if (root === null) throw new Error("main: expected an element #app");

mountSearchPage(root, new HttpBackend(), {
  title: { zh: "以文搜图", en: "Image search" },
  subtitle: { zh: "用一句中文，在图片里寻找。", en: "Find images by a sentence in Chinese." },
  suggestions: () => [
    { text: "红色的汽车", meaning: "a red car" },
    { text: "一只猫 - 狗", meaning: "a cat, no dog" },
    { text: "蓝色的房子", meaning: "a blue house" },
    { text: "晚上的月亮", meaning: "the moon at night" },
  ],
});
