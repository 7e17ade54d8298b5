/** Requests and answers as tests write them. */
import { expect } from "vitest";
import type { Handler } from "../src/index.js";

export const ORIGIN = "http://127.0.0.1:8080";

/** An answer with its JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReturnType<typeof JSON.parse>;
}

/** Sends a request; `body` as JSON unless it is text or bytes. */
export async function send(
  handler: Handler,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const isRaw = typeof body === "string" || body instanceof Uint8Array || body instanceof FormData;
  const json = body === undefined || isRaw ? {} : { "content-type": "application/json" };
  const response = await handler.fetch(
    new Request(ORIGIN + path, {
      method,
      headers: { ...json, ...headers },
      ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return { status: response.status, headers: response.headers, body: isJson && text !== "" ? JSON.parse(text) : text };
}

/** Expects an error in the shape that all errors have. */
export function expectError({ status, body }: Answer, wanted: number, code: string): void {
  expect(body).toEqual({ error: { message: expect.any(String), type: expect.any(String), code } });
  expect(body.error.message.length).toBeLessThan(500);
  expect(status).toBe(wanted);
}
