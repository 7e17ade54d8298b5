/**
 * A bound on how much work of one kind is under way: a worker takes any number of requests, but decodes only so many pictures at once.
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
      // The place is handed on, so that no newcomer takes it in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
