/** A route of Next.js, without any setting, and in `standalone` output with the one that `docs/recipes/nextjs.md` gives. */
import { node } from "@chinese-clip/consumer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXPECTED, program, useProject } from "./project.js";

const LIMIT = 300_000;
const project = useProject("next@16.4.6", "react@19.3.1", "react-dom@19.3.1");

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Starts a server, asks it once it answers, and ends it. */
async function answer(folder: string, args: readonly string[], port: number): Promise<string> {
  const env = { ...process.env, PORT: String(port), HOSTNAME: "127.0.0.1", NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" };
  const server = spawn(process.execPath, args, { cwd: folder, env, stdio: "ignore" });
  try {
    for (let tries = 0; ; tries++) {
      try {
        return await (await fetch(`http://127.0.0.1:${port}/clip`)).text();
      } catch (error) {
        if (tries > 600 || server.exitCode !== null) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    server.kill();
  }
}

describe("B3 Next.js", () => {
  it(
    "a route handler, as next start and as standalone output",
    async () => {
      const next = join("node_modules", "next", "dist", "bin", "next");
      await mkdir(join(project(), "app", "clip"), { recursive: true });
      const route = `
        import { ChineseCLIP } from "@chinese-clip/node";
        export const dynamic = "force-dynamic";
        export async function GET() {${program.replace("console.log(best.label)", 'return new Response(best.label + "\\n")')}
        }`;
      await writeFile(join(project(), "app", "clip", "route.js"), route);
      await writeFile(join(project(), "app", "layout.js"), "export default ({ children }) => <html><body>{children}</body></html>;");
      const libraries = ["node_modules/onnxruntime-node/bin/napi-v6/linux/x64/*.so*", "node_modules/@img/sharp-libvips-*/**/*"];
      const config = { output: "standalone", outputFileTracingRoot: project(), outputFileTracingIncludes: { "/clip": libraries } };
      await writeFile(join(project(), "next.config.mjs"), `export default ${JSON.stringify(config)};`);
      expect(await node(project(), next, "build")).toMatchObject({ code: 0 });
      const started = await freePort();
      expect(await answer(project(), [next, "start", "-p", String(started)], started)).toBe(EXPECTED);
      const standalone = join(project(), ".next", "standalone");
      expect(await answer(standalone, ["server.js"], await freePort())).toBe(EXPECTED);
    },
    LIMIT,
  );
});
