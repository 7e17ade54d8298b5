/**
 * Limits how much work of one kind runs at once: a worker takes any number of requests, but decodes only a few images at a time.
 */

/**
 * Makes a function that runs `work` when fewer than `limit` others run; first come, first served.
 *
 * @param limit - at least 1.
 */
export function limitConcurrency(limit: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running === limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The slot is handed to the next in line, so that no newcomer takes it in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
