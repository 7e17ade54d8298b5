/**
 * What a session's worker does, whichever build of ONNX Runtime it has.
 */
import { Transferred } from "@chinese-clip/pipeline";
import { servePort } from "../worker/worker-port.js";
import { type OrtModule, OrtSession } from "./ort-session.js";
import type { SessionRequest } from "./session-messages.js";

/** Serves one session. */
export function serveSession(ort: OrtModule): void {
  // ONNX Runtime starts its threads with the script that it is in, which a bundler may have made this one.
  if (self.name.startsWith("em-pthread")) return;
  let session: OrtSession | undefined;
  servePort<SessionRequest>({
    async load({ inputs }) {
      session = await OrtSession.create(ort, inputs);
      return session.facts;
    },

    async run({ feeds }) {
      if (session === undefined) throw new Error("session worker: expected load before run");
      const outputs = await session.run(feeds);
      return new Transferred(outputs, [...new Set(Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer))]);
    },
  });
}
