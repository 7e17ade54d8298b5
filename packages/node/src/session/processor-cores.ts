/**
 * How many cores there are to compute with. ONNX Runtime's own default does not know a container's limit, and takes half of the hardware threads
 * where its library does not recognise the processor, as in some virtual machines: one of two cores.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Physical cores that this process may use: those of its affinity, and no more than its control group has time for. Two hardware threads
 * of a core share its multipliers, so counting them would gain nothing.
 *
 * @param root - where `/proc` and `/sys` are, for tests.
 * @returns undefined where the system does not say (other systems than Linux, a sandbox without `/sys`).
 */
export function processorCores(root = "/"): number | undefined {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(join(root, path), "utf8");
    } catch {
      return undefined;
    }
  };
  const allowed = /^Cpus_allowed_list:\s*(\S+)/mu.exec(read("proc/self/status") ?? "")?.[1];
  if (allowed === undefined) return undefined;
  const cores = new Set<string>();
  for (const cpu of parseCpuList(allowed)) {
    // What a core is called: the hardware threads that it has.
    const core = read(`sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`);
    if (core === undefined) return undefined;
    cores.add(core);
  }
  const [quota = Number.NaN, period = Number.NaN] = (read("sys/fs/cgroup/cpu.max") ?? "").split(" ").map(Number);
  const limit = quota / period > 0 ? Math.ceil(quota / period) : Number.POSITIVE_INFINITY;
  return cores.size === 0 ? undefined : Math.min(cores.size, limit);
}

/** `0-3,8` -> 0, 1, 2, 3, 8. */
function parseCpuList(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
