/**
 * The bytes of one file, from a server that may fail in every way, to a name in the cache that only a whole and checked file ever has.
 *
 * Bytes go to a partial file, each where it belongs; a later attempt, or a later process, goes on from its end. The name of the partial
 * file is the content's hash, so what is resumed is the same content, whichever mirror it comes from.
 */
import { type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { constants, type FileHandle, mkdir, open, rename, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { createBlobHash, hashKind } from "./blob-hash.js";
import { HubError } from "@chinese-clip/pipeline";
import { parseEtag } from "./hub-path.js";
import { discard, networkError, statusError } from "./hub-request.js";
import { isTransient, pause } from "./retry.js";
import { fileSize } from "../files/disk-file.js";
import { systemErrorCode } from "@chinese-clip/pipeline/node";

/** One file to download. */
export interface Download {
  /** The file's name, for messages. */
  readonly name: string;
  /** Where it is fetched from, for messages. */
  readonly url: string;
  /** The content's name: its hash, if it looks like one. */
  readonly etag: string;
  /** Bytes, if the server said. */
  readonly size: number | undefined;
  /** Where the bytes are collected. */
  readonly partial: string;
  /** Where the file appears when it is whole. */
  readonly target: string;
  /** Requests the bytes from an offset on; `signal` also ends the reading of the body. */
  readonly request: (headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Response>;
  /** Asked just before the file appears; false if another process may be writing the same partial file. */
  readonly mayFinish: () => Promise<boolean>;
  /** Failures in a row, without a byte between them, after which to give up. */
  readonly attempts: number;
  /** Milliseconds without a byte after which the connection has stalled. */
  readonly stallTimeout: number;
  /** The maximum number of bytes where the server did not say how many there are. */
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
  /** @param total - undefined where nobody knows. */
  readonly onBytes: (loaded: number, total: number | undefined) => void;
}

/** Bytes that make a failed attempt one that got somewhere: a byte before each reset is no progress. */
const PROGRESS_BYTES = 1 << 16;
/** A download may take this long, and a second more for each {@link SLOWEST_BYTES} that came: slower than any line that could load a model. */
const LONGEST_MS = 60_000;
const SLOWEST_BYTES = 4096;

/** How far a download is, from one attempt to the next. */
interface State {
  /** Bytes of the partial file that `hash` has seen. */
  offset: number;
  hash: Hash | undefined;
  size: number | undefined;
  hashed: boolean;
  /** When the download began, and the bytes that came since then. */
  readonly start: number;
  received: number;
}

/**
 * Downloads a file, or resumes its download.
 *
 * @throws HubError - `network`, `server`, `rate-limited`, `unauthorized`, `not-found`: after retries; the partial file stays for the next call.
 *   `integrity`: wrong size, wrong hash, a web page; the partial file is deleted. `disk`: not enough space. The signal's reason; the partial file stays.
 */
export async function download(job: Download): Promise<void> {
  const { partial, signal } = job;
  await mkdir(dirname(partial), { recursive: true });
  const state: State = { offset: 0, hash: undefined, size: job.size, hashed: false, start: performance.now(), received: 0 };
  let spoiled = false;
  for (let failures = 0; ;) {
    const before = state.offset;
    try {
      return await attempt(job, state);
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      if (error instanceof HubError && error.code === "integrity") {
        await rm(partial, { force: true });
        // Once more from the start: what was resumed may have been spoiled by a crash.
        if (spoiled || error.details["hopeless"] === true) throw error;
        spoiled = true;
        Object.assign(state, { offset: 0, hash: undefined, size: job.size, hashed: false } satisfies Partial<State>);
        continue;
      }
      const isFull = ["ENOSPC", "EDQUOT"].includes(systemErrorCode(error) ?? "");
      // A full disk needs the space more than we need half a file; and an empty file is nothing to resume.
      if (isFull || state.offset === 0) await rm(partial, { force: true });
      if (!isTransient(error) || error.details["hopeless"] === true) throw error;
      failures = state.offset - before >= PROGRESS_BYTES ? 1 : failures + 1;
      if (failures >= job.attempts) throw error;
      await pause(error, failures, signal);
    }
  }
}

async function attempt(job: Download, state: State): Promise<void> {
  const handle = await open(job.partial, constants.O_RDWR | constants.O_CREAT, 0o666);
  try {
    await takeUp(job, state, handle);
    await checkSpace(job, state);
    if (state.size === undefined || state.offset < state.size) await receive(job, state, handle);
    await verify(job, state);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  if (!(await job.mayFinish())) {
    // Whoever took over may be done: what has the final name is whole.
    const there = await fileSize(job.target);
    if (there !== undefined && there === state.offset) return rm(job.partial, { force: true });
    throw new HubError("network", `${job.name}: another process took over the download`, { file: job.name });
  }
  await rename(job.partial, job.target);
}

/** Brings the hash to the end of what is already there. */
async function takeUp(job: Download, state: State, handle: FileHandle): Promise<void> {
  const there = (await handle.stat()).size;
  if (state.hashed && there >= state.offset) return;
  const usable = state.size !== undefined && there <= state.size ? there : 0;
  if (usable < there) await handle.truncate(0);
  restart(job, state);
  if (usable === 0) return;
  for await (const chunk of createReadStream(job.partial, { end: usable - 1, highWaterMark: 1 << 20, signal: job.signal })) {
    state.hash?.update(chunk as Buffer);
    state.offset += (chunk as Buffer).length;
  }
}

function restart(job: Download, state: State): void {
  const kind = hashKind(job.etag);
  state.offset = 0;
  state.hash = kind === undefined || state.size === undefined ? undefined : createBlobHash(kind, state.size);
  state.hashed = true;
}

async function checkSpace({ name, partial }: Download, { size, offset }: State): Promise<void> {
  if (size === undefined) return;
  const free = await statfs(dirname(partial)).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Infinity,
  );
  if (size - offset <= free) return;
  throw new HubError(
    "disk",
    `${name}: expected ${size - offset} bytes of free disk space at ${dirname(partial)}, got ${free}. Free some, or set HF_HUB_CACHE or the ` +
      "cacheDir option to a folder on another disk",
    { path: partial, expected: size - offset, actual: free },
  );
}

async function receive(job: Download, state: State, handle: FileHandle): Promise<void> {
  const stall = new AbortController();
  const signal = job.signal === undefined ? stall.signal : AbortSignal.any([job.signal, stall.signal]);
  const isHash = hashKind(job.etag) !== undefined;
  const response = await job.request(
    // The partial file's name vouches for the content where it is a hash; a CDN's own ETag would be another one.
    state.offset === 0 ? {} : { range: `bytes=${state.offset}-`, ...(isHash ? {} : { "if-range": `"${job.etag}"` }) },
    signal,
  );
  const timer = setTimeout(() => stall.abort(new Error(`no byte within ${job.stallTimeout} ms`)), job.stallTimeout);
  try {
    await checkAnswer(job, state, handle, response);
    job.onBytes(state.offset, state.size);
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      if (state.offset === 0 && !isHash) refusePage(job, new TextDecoder().decode(chunk.subarray(0, 256)));
      if (state.size !== undefined && state.offset + chunk.length > state.size)
        throw spoiledError(job, `${state.size} bytes`, "more", { expected: state.size });
      checkCost(job, state, chunk.length);
      await handle.write(chunk, 0, chunk.length, state.offset);
      state.hash?.update(chunk);
      state.offset += chunk.length;
      job.onBytes(state.offset, state.size);
    }
  } catch (error) {
    await discard(response);
    if (error instanceof HubError || job.signal?.aborted === true || systemErrorCode(error, "write") !== undefined) throw error;
    throw networkError(job.url, stall.signal.aborted ? stall.signal.reason : error);
  } finally {
    clearTimeout(timer);
  }
  if (state.size !== undefined && state.offset < state.size) {
    throw new HubError(
      "network",
      `${job.url}: the connection ended after ${state.offset} of ${state.size} bytes. Call again to go on from there`,
      { url: job.url, expected: state.size, actual: state.offset },
    );
  }
}

/** Counts bytes that came: no more of them than allowed, nor slower than any line is. */
function checkCost({ name, url, maxBytes }: Download, state: State, bytes: number): void {
  state.received += bytes;
  if (state.size === undefined && state.offset + bytes > maxBytes) {
    throw new HubError(
      "integrity",
      `${url}: expected at most ${maxBytes} bytes of ${name}, whose size the server does not state, got more. The option limits.fileBytes permits more`,
      { url, file: name, maxBytes, hopeless: true },
    );
  }
  if (performance.now() - state.start > LONGEST_MS + (1000 * state.received) / SLOWEST_BYTES) {
    throw new HubError(
      "network",
      `${url}: expected at least ${SLOWEST_BYTES} bytes a second, got ${state.received} bytes in ${Math.round((performance.now() - state.start) / 1000)} s. ` +
        "Call again to go on from there, or set HF_ENDPOINT or the endpoint option to a mirror",
      { url, file: name, hopeless: true },
    );
  }
}

/** Makes the state fit the answer: where its bytes begin, and how many the file has. */
async function checkAnswer(job: Download, state: State, handle: FileHandle, response: Response): Promise<void> {
  const { status, headers } = response;
  if (status === 416) {
    await handle.truncate(0);
    restart(job, state);
    throw new HubError("network", `${job.url}: the server has no bytes from there on, so the download begins again`, {
      url: job.url,
      status,
    });
  }
  if (status !== 200 && status !== 206) throw statusError(response, job.url);
  if (/^text\/html\b/iu.test(headers.get("content-type") ?? "") && !/\.html?$/iu.test(job.name)) refusePage(job, "<html");
  const encoded = headers.get("content-encoding") ?? "identity";
  const declared = encoded === "identity" && headers.has("content-length") ? Number(headers.get("content-length")) : undefined;
  // A plain ETag is all that tells one version of the file from another; bytes of two must not be joined.
  const etag = hashKind(job.etag) === undefined ? parseEtag(headers.get("etag")) : undefined;
  if (etag !== undefined && etag !== job.etag) {
    throw spoiledError(job, `the version with ETag ${job.etag}`, `one with ${etag}`, { expected: job.etag, actual: etag });
  }
  if (status === 206) {
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/u.exec(headers.get("content-range") ?? "") ?? [];
    if (Number(start) === state.offset && (total === "*" || state.size === undefined || Number(total) === state.size)) return;
    throw spoiledError(job, `bytes from ${state.offset} of ${state.size}`, `content-range ${String(headers.get("content-range"))}`);
  }
  if (declared !== undefined && state.size !== undefined && declared !== state.size)
    throw spoiledError(job, `${state.size} bytes`, `${declared}`, { expected: state.size, actual: declared });
  state.size ??= declared;
  // The whole file, though a part was asked for: a server without ranges, or the file is another one.
  await handle.truncate(0);
  restart(job, state);
}

async function verify(job: Download, state: State): Promise<void> {
  const kind = hashKind(job.etag);
  if (kind === undefined) return;
  let { hash } = state;
  if (hash === undefined) {
    // The size was not known before the end.
    hash = createBlobHash(kind, state.offset);
    for await (const chunk of createReadStream(job.partial, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  }
  const actual = hash.copy().digest("hex");
  if (actual !== job.etag) throw spoiledError(job, `${kind} ${job.etag}`, actual, { expected: job.etag, actual });
}

function refusePage(job: Download, beginning: string): void {
  if (!/^\s*<(?:!doctype html|html)\b/iu.test(beginning)) return;
  throw new HubError(
    "integrity",
    `${job.url}: expected the file ${job.name}, got a web page. A proxy or a login page may be in the way: open the address in a browser, ` +
      "or set HF_ENDPOINT or the endpoint option to a mirror",
    { url: job.url, file: job.name, hopeless: true },
  );
}

function spoiledError(job: Download, expected: string, actual: string, details: Readonly<Record<string, unknown>> = {}): HubError {
  return new HubError(
    "integrity",
    `${job.url}: expected ${expected}, got ${actual}. Nothing of it was stored; call again, or set HF_ENDPOINT or the endpoint option to another mirror`,
    { url: job.url, file: job.name, ...details },
  );
}
