/**
 * Starts the service worker, without which the page works too, but only with a network.
 */

/** Milliseconds that a first visit waits, at most, so that what it fetches is kept as well. */
const PATIENCE = 5000;

/** Resolves when what the page fetches from now on is kept, or will not be. */
export async function goOffline(): Promise<void> {
  // The development server's files change.
  if (import.meta.env.DEV || !("serviceWorker" in navigator)) return;
  const { serviceWorker } = navigator;
  try {
    const controlled = new Promise((resolve) => serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    await serviceWorker.register(new URL("service-worker.js", document.baseURI));
    if (serviceWorker.controller !== null) return;
    await Promise.race([controlled, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  } catch (error) {
    console.warn("Without a service worker, this page needs a network:", error);
  }
}
