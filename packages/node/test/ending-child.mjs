/**
 * A process of its own that ends while a model works. Arguments: model folder, `exit` or `dispose`, milliseconds until then.
 * Plain JavaScript, since Node runs it as it is.
 */
import { ChineseCLIP } from "../dist/index.js";

const [folder = "", how = "", delay = "0"] = process.argv.slice(2);
const texts = Array.from({ length: 5000 }, (_, i) => `第${i}只红色的猫在草地上`);
setTimeout(() => {
  if (how === "exit") process.exit(0);
}, Number(delay));
const clip = await ChineseCLIP.fromPretrained(folder);
const embedding = clip.embedText(texts).catch(() => undefined);
if (how === "dispose") setTimeout(() => void clip.dispose(), Number(delay));
await embedding;
await clip.dispose();
