import { expect, it } from "vitest";
import { SharedWork } from "../../src/conversion-cache/shared-work.js";

/** Work that ends when it is told to, or a while after it is aborted. */
function work(): { shared: SharedWork<string>; finish: (result: string) => void; signal: () => AbortSignal; cleaned: () => boolean } {
  let finish: (result: string) => void = () => undefined;
  let signal: AbortSignal | undefined;
  let cleaned = false;
  const shared = new SharedWork<string>((own) => {
    signal = own;
    return new Promise((resolve, reject) => {
      finish = resolve;
      own.addEventListener("abort", () =>
        setTimeout(() => {
          cleaned = true;
          reject(new Error("ended"));
        }, 5),
      );
    });
  });
  return { shared, finish: (result) => finish(result), signal: () => signal!, cleaned: () => cleaned };
}

it("goes on as long as somebody waits, and who gives up does so at once", async () => {
  const { shared, finish, signal } = work();
  const controller = new AbortController();
  const [first, second] = [shared.wait(controller.signal), shared.wait(undefined)];
  controller.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  expect(signal().aborted).toBe(false);
  finish("done");
  expect(await second).toBe("done");
  expect(shared.isAbandoned).toBe(true);
});

it("is ended by the last one who gives up, who waits until it has cleaned up", async () => {
  const { shared, cleaned } = work();
  const controllers = [new AbortController(), new AbortController()];
  const waits = controllers.map(({ signal }) => shared.wait(signal));
  for (const controller of controllers) controller.abort(new Error("enough"));
  await expect(Promise.all(waits)).rejects.toThrow("enough");
  await expect(waits[1]).rejects.toThrow("enough");
  expect(cleaned()).toBe(true);
  expect(shared.isAbandoned).toBe(true);
});
