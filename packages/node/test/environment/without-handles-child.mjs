/** Takes every file handle that the process may have, loads an image, gives them back, and loads it again. */
import { closeSync, openSync } from "node:fs";
import { loadImage } from "../../dist/index.js";

const [path] = process.argv.slice(2);
await loadImage(path); // the threads are there
const taken = [];
try {
  for (;;) taken.push(openSync("/dev/null"));
} catch (error) {
  if (error.code !== "EMFILE") throw error;
}
const { name, code, message, details } = await loadImage(path).then(
  () => ({}),
  (error) => error,
);
for (const handle of taken) closeSync(handle);
const { width } = await loadImage(path);
console.log(JSON.stringify({ name, code, message, details, width }));
