/** I17 what errors say of addresses is without secrets, in messages, details and causes. */
import { describe, expect, it } from "vitest";
import { causeWithoutSecrets, HubError, shownAddress, withoutSecrets } from "../src/index.js";

describe("I17 withoutSecrets", () => {
  it.each([
    ["http://me:hunter2@proxy:3128", "http://***@proxy:3128"],
    ["https://hf_secret@hub/api: HTTP status 500", "https://***@hub/api: HTTP status 500"],
    ["got https://me:p@ss@host/x?y=1, and http://a:b@c", "got https://***@host/x?y=1, and http://***@c"],
    [
      "https://s3/x.jpg?X-Amz-Date=1&X-Amz-Signature=abc&X-Amz-Security-Token=t#f",
      "https://s3/x.jpg?X-Amz-Date=1&X-Amz-Signature=***&X-Amz-Security-Token=***#f",
    ],
    [
      "https://oss/x?OSSAccessKeyId=a&Expires=1&Signature=b%2B (broken)",
      "https://oss/x?OSSAccessKeyId=***&Expires=1&Signature=*** (broken)",
    ],
    ["https://h/x?sig=s&se=2&FilePath=a/b.json&Revision=master", "https://h/x?sig=***&se=2&FilePath=a/b.json&Revision=master"],
    ["https://h/x?access_token=s", "https://h/x?access_token=***"],
    ["https://host/a@b.jpg, me@example.com", "https://host/a@b.jpg, me@example.com"],
    ["localhost,.internal", "localhost,.internal"],
  ])("I17 %s", (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
    expect(withoutSecrets(shown)).toBe(shown);
  });

  it("I17 takes time in proportion to the text", () => {
    for (const text of ["://".repeat(100_000), `${"://a".repeat(50_000)}@`, "?a=".repeat(100_000), `?${"a".repeat(300_000)}`])
      expect(withoutSecrets(text).length).toBeLessThanOrEqual(text.length + 3);
  });
});

it("I17 a HubError: message, details and the whole chain of causes", () => {
  const inner = Object.assign(new TypeError("Invalid URL"), { input: "http://me:hunter2@", code: "ERR_INVALID_URL" });
  const outer = new Error("fetch http://me:hunter2@hub failed", { cause: inner });
  const error = new HubError(
    "network",
    "http://me:hunter2@hub/x: no connection",
    { url: "http://me:hunter2@hub/x", status: 5 },
    { cause: outer },
  );
  expect(error.message).toBe("http://***@hub/x: no connection");
  expect(error.details).toEqual({ url: "http://***@hub/x", status: 5 });
  expect(error.cause).toMatchObject({ message: "fetch http://***@hub failed", cause: { name: "TypeError", code: "ERR_INVALID_URL" } });
  const shown: string[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause) shown.push(one.stack ?? "", JSON.stringify(Object.entries(one)));
  expect(shown.join()).not.toContain("hunter2");
  expect(error.stack).not.toContain("hunter2");
});

it("I17 a cause without secrets stays the same object, and a circle of causes ends", () => {
  const cause = new Error("connect ECONNREFUSED");
  expect(causeWithoutSecrets(cause)).toBe(cause);
  const circle = new Error("http://a:b@c");
  circle.cause = circle;
  expect(causeWithoutSecrets(circle)).toMatchObject({ message: "http://***@c" });
});

describe("I17 shownAddress", () => {
  it.each([
    ["https://me:hunter2@host/a.jpg?sig=s", "https://host/a.jpg?sig=***"],
    ["blob:https://host/7b0e", "blob:https://host/7b0e"],
  ])("I17 %s", (address, shown) => {
    expect(shownAddress(new URL(address))).toBe(shown);
  });

  it("I17 shows the beginning of a long address", () => {
    const shown = shownAddress(new URL(`https://host/${"(".repeat(20_000)}`));
    expect(shown).toHaveLength(500);
    expect(shown).toMatch(/^https:\/\/host\/\(+…$/);
  });
});
