/**
 * Makes the page work without a network: its own files are kept when they first come. Models are kept by `@chinese-clip/web`, images by
 * the page.
 */

/** What of a service worker's global scope is used here; the DOM's types are a window's. */
interface ServiceWorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}
interface ExtendableEvent {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

/** Names of the build's files, relative to the page. */
declare const FILES_OF_THE_BUILD: readonly string[];

const scope = globalThis as unknown as ServiceWorkerScope;
const CACHE = "chinese-clip-web-search";
const page = scope.registration.scope;
const files = new Set(FILES_OF_THE_BUILD.filter((name) => !name.startsWith("demo-checkpoint/")).map((name) => new URL(name, page).href));
/** What every visit needs. ONNX Runtime's `.wasm`, of which one of two is used, and the sample images are kept when they are fetched. */
const needed = [...files].filter((url) => /\.(?:html|js|mjs|css)$/u.test(url));

scope.addEventListener("install", (event) => {
  event.waitUntil(keepNeeded().then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(forgetOld().then(() => scope.clients.claim()));
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = request.url.split(/[?#]/u)[0] ?? "";
  const file = url === page ? new URL("index.html", page).href : url;
  if (request.method === "GET" && files.has(file)) event.respondWith(answer(file, event));
});

async function keepNeeded(): Promise<void> {
  const cache = await caches.open(CACHE);
  // Past the browser's own cache, which may have the page of an earlier build.
  await cache.addAll(needed.map((url) => new Request(url, { cache: url.endsWith(".html") ? "reload" : "default" })));
}

/** Names hold a hash of what is in the file, so what is still named is still right. */
async function forgetOld(): Promise<void> {
  const cache = await caches.open(CACHE);
  const old = (await cache.keys()).filter(({ url }) => !files.has(url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

async function answer(file: string, event: FetchEvent): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(file, { ignoreVary: true });
  if (kept !== undefined) return kept;
  const response = await fetch(event.request);
  // Beside it: the page shows how far the download of ONNX Runtime is.
  if (response.status === 200) event.waitUntil(cache.put(file, response.clone()));
  return response;
}
