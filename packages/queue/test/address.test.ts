import { describe, expect, it } from "vitest";
import { parseQueueAddress } from "../src/queue/address.js";

describe("parseQueueAddress", () => {
  it.each(["redis://user%zz@host", "redis://user:100%@host/1", "postgres://u:%@host/jobs"])(
    "%s, with a %% that begins no escape, is an address that is not valid",
    (address) => {
      expect(() => parseQueueAddress(address)).toThrow(expect.objectContaining({ name: "QueueError", code: "invalid-address" }));
    },
  );
});
