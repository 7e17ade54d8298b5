/** A server whose answers a test writes by hand. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** Starts on a free port. */
export async function startServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly url: string; readonly requests: IncomingMessage[]; readonly stop: () => Promise<void> }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/model.bin`,
    requests,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The requested range of some content, answered as a good server does. */
export function answerRange(
  request: IncomingMessage,
  response: ServerResponse,
  content: Uint8Array,
  headers: Record<string, string> = {},
): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/u.exec(request.headers.range ?? "") ?? [];
  if (first === undefined) {
    response.writeHead(200, { "Content-Length": content.length, ...headers }).end(content);
    return;
  }
  const end = Math.min(Number(last) + 1, content.length);
  response
    .writeHead(206, { "Content-Range": `bytes ${first}-${end - 1}/${content.length}`, "Content-Length": end - Number(first), ...headers })
    .end(content.subarray(Number(first), end));
}
