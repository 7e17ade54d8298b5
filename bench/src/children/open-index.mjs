/** A process of its own opens a folder index and prints what that took as JSON. Arguments: the folder, the precision. */
import { openFolderStore } from "@chinese-clip/search/node";

const [folder = "", precision = "float32"] = process.argv.slice(2);
const { rss } = process.memoryUsage();
const [start, cpu] = [performance.now(), process.cpuUsage()];
const store = await openFolderStore(folder, { readOnly: true, precision });
const [ms, { user, system }] = [performance.now() - start, process.cpuUsage(cpu)];
console.log(
  JSON.stringify({ ms, cpuMs: (user + system) / 1000, vectorBytes: store.vectorBytes, addedBytes: process.memoryUsage().rss - rss }),
);
await store.close();
