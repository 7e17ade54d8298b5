/** A line between browser and server that sends so many bytes a second, over all connections together, and counts those of the model and the runtime. */
import { createServer, type IncomingMessage, request, type Server } from "node:http";

/** Bytes that are sent at a time. */
const PIECE = 16_384;

/** The line. */
export class SlowLine {
  /** Bytes of ONNX Runtime and the weights that were sent. */
  sent = 0;
  readonly origin: string;
  readonly #server: Server;

  private constructor(server: Server, origin: string) {
    [this.#server, this.origin] = [server, origin];
  }

  /** Opens a line to a server. */
  static async open(target: string, bytesPerSecond: number): Promise<SlowLine> {
    let free = 0;
    const take = async (bytes: number): Promise<void> => {
      free = Math.max(free, performance.now()) + (1000 * bytes) / bytesPerSecond;
      await new Promise((resolve) => setTimeout(resolve, free - performance.now()));
    };
    const server = createServer((incoming, outgoing) => {
      const isCounted = /\.(?:wasm|safetensors)(?:\?|$)/u.test(incoming.url ?? "");
      const headers = { ...incoming.headers, host: new URL(target).host };
      const forward = async (answer: IncomingMessage): Promise<void> => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        for await (const chunk of answer) {
          const bytes = chunk as Uint8Array;
          for (let at = 0; at < bytes.length; at += PIECE) {
            const piece = bytes.subarray(at, at + PIECE);
            await take(piece.length);
            if (outgoing.destroyed) return;
            if (isCounted) line.sent += piece.length;
            outgoing.write(piece);
          }
        }
        outgoing.end();
      };
      const options = { method: incoming.method, headers };
      const onward = request(new URL(incoming.url ?? "/", target), options, (answer) => {
        forward(answer).catch(() => outgoing.destroy());
      });
      onward.on("error", () => outgoing.destroy());
      outgoing.on("close", () => onward.destroy());
      incoming.pipe(onward);
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    const address = server.address();
    const line = new SlowLine(server, `http://localhost:${typeof address === "object" ? address?.port : ""}`);
    return line;
  }

  /** Counts from zero. */
  reset(): void {
    this.sent = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
