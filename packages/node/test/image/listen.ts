import type { Server } from "node:http";

/** Starts a server on a free port of this machine, and gives its origin. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("expected a port");
  return `http://127.0.0.1:${address.port}`;
}
