import { defineConfig } from "vite";
import { manifest } from "./manifest-plugin.js";
import { offline } from "./offline-plugin.js";

/** With these a page is cross-origin isolated, and WebAssembly may use threads. Whoever hosts `dist` sends them too. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  // No single-page fallback: what a model's folder does not have must be answered by 404, not by this page.
  appType: "mpa",
  // The built page works in any folder of any server.
  base: "./",
  server: { headers },
  preview: { headers },
  plugins: [manifest("demo-checkpoint/"), offline("src/service-worker.ts")],
  // The packages find their workers and ONNX Runtime's `.wasm` beside themselves, so the development server must leave them where they are.
  optimizeDeps: { exclude: ["@chinese-clip/web", "onnxruntime-web"] },
  worker: { format: "es" },
  build: {
    target: "es2022",
    // The workers and the page are small; what is large is ONNX Runtime's `.wasm`.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: ["index.html", "classifier.html"],
      output: {
        // A model is a folder: its files stay together and keep their names.
        assetFileNames: ({ originalFileNames: [file = ""] }) =>
          file.includes("demo-checkpoint/") ? "demo-checkpoint/[name][extname]" : "assets/[name]-[hash][extname]",
      },
    },
  },
});
