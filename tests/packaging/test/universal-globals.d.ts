/**
 * The globals that Node and browsers share, as far as the platform-free packages use them: with these and ECMAScript alone they must compile.
 * Each is here because a source file needs it; what only one platform has must not be added.
 */

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

declare class DOMException extends Error {
  constructor(message: string, name: string);
}

declare function structuredClone<Value>(value: Value): Value;

declare class URL {
  constructor(url: string | URL, base?: string | URL);
  static canParse(url: string): boolean;
  readonly href: string;
  readonly protocol: string;
  username: string;
  password: string;
  pathname: string;
  search: string;
  hash: string;
}

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: string, options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
  decode(bytes?: Uint8Array, options?: { readonly stream?: boolean }): string;
}

declare class Blob {
  constructor(parts: readonly Uint8Array[]);
  stream(): ReadableStream<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

declare class DecompressionStream {
  constructor(format: "deflate-raw");
  readonly readable: ReadableStream<Uint8Array>;
}

interface ReadableStream<Chunk> {
  pipeThrough(transform: DecompressionStream): ReadableStream<Chunk>;
  getReader(): {
    read(): Promise<{ readonly done: false; readonly value: Chunk } | { readonly done: true; readonly value?: undefined }>;
    cancel(): Promise<void>;
  };
}

// What a platform may be given to make requests with; named in a type, called by platforms only.
interface RequestInit {
  readonly signal?: AbortSignal;
}

interface Response {
  readonly ok: boolean;
}

declare namespace WebAssembly {
  const Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  class Instance {
    constructor(module: object);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
}

declare function atob(base64: string): string;

declare function btoa(bytes: string): string;

/** To let other work run in between. */
declare function setTimeout(callback: (...values: never[]) => void, milliseconds: number): unknown;
