/**
 * Progress of ONNX Runtime's own download, of 14 or 27 MB. ONNX Runtime reports none, so its worker's `fetch` is observed.
 */

/** Bytes of ONNX Runtime's `.wasm` that have arrived, and of all. */
export interface RuntimeBytes {
  /** The file's name. */
  readonly file: string;
  readonly loaded: number;
  readonly total: number;
}

/** Decoded bytes of each build: of a compressed response only the compressed length is known. */
const DECODED_BYTES: readonly (readonly [RegExp, number])[] = [
  [/asyncify|jsep|jspi|webgpu/u, 27e6],
  [/./u, 14e6],
];

/** Reports the download of every `.wasm` file that this thread fetches from now on. */
export function observeRuntimeDownload(onBytes: (bytes: RuntimeBytes) => void): void {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const response = await fetch(input, init);
    const file = /(?<![^/?#])([^/?#]+\.wasm)(?:[?#]|$)/u.exec(response.url)?.[1];
    if (response.ok && file !== undefined) void count(response.clone(), file, onBytes).catch(() => undefined);
    return response;
  };
}

async function count({ headers, body }: Response, file: string, onBytes: (bytes: RuntimeBytes) => void): Promise<void> {
  const length = headers.has("content-encoding") ? 0 : Number(headers.get("content-length") ?? 0);
  const expected = length > 0 ? length : (DECODED_BYTES.find(([name]) => name.test(file))?.[1] ?? 0);
  let loaded = 0;
  onBytes({ file, loaded, total: expected });
  const reader = body?.getReader();
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    loaded += next.value.length;
    onBytes({ file, loaded, total: Math.max(expected, loaded) });
  }
  onBytes({ file, loaded, total: loaded });
}
