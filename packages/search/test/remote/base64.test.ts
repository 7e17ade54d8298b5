/** Base64 as Node has it, with the line ends of mail, and nothing of what is none. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/remote/base64.js";

it("is decoded from either alphabet, with and without padding, and in lines of any length", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 80 }),
      fc.constantFrom("\n", "\r\n", " "),
      (bytes, width, end) => {
        const text = Buffer.from(bytes).toString("base64");
        expect(encodeBase64(bytes)).toBe(text);
        const lines = text.replace(new RegExp(`.{${width}}`, "gu"), `$&${end}`);
        for (const one of [text, lines, text.replaceAll("=", ""), Buffer.from(bytes).toString("base64url")])
          expect(decodeBase64(one)).toEqual(bytes);
      },
    ),
  );
});

it("is nothing with a foreign character at any place, or with one character too many", () => {
  const text = Buffer.from(Uint8Array.from({ length: 60 }, (_, i) => i)).toString("base64");
  for (let at = 0; at <= text.length; at++)
    for (const foreign of ["*", "é", "\0"]) expect(decodeBase64(text.slice(0, at) + foreign + text.slice(at))).toBeUndefined();
  expect(decodeBase64(`${text}A`)).toBeUndefined();
  expect(decodeBase64("A===")).toBeUndefined();
  expect(decodeBase64("QQ==QQ==")).toBeUndefined();
});
