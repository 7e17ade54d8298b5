/**
 * `npm start`, `npm run web`, `npm run serve`, `npm run train` and `npm test` on a machine that has Node, npm and this repository, and nothing else:
 * installs, builds and runs.
 *
 *     node scripts/bootstrap.mjs start [arguments of the example]
 *     node scripts/bootstrap.mjs web [options of Vite's preview server]
 *     node scripts/bootstrap.mjs serve [options of chinese-clip serve]
 *     node scripts/bootstrap.mjs train [folder for what is trained]
 *     node scripts/bootstrap.mjs pack <folder for the tarballs of the command and its packages>
 *     node scripts/bootstrap.mjs test        everything but slow tests
 *     node scripts/bootstrap.mjs test:all    slow tests, too: files named `*.slow.test.ts`
 */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { endChildrenOnSignals, run } from "./child-process.mjs";
import { formatSummary, readFailedTasks, readReport, removeReports, testedFolders } from "./test-summary.mjs";
import { checkNodeVersion, forgetInstall, install, packArguments, root, StepError, turbo } from "./toolchain.mjs";

/** Progress is for people: it goes to the error stream, results to the output. */
function report(text) {
  process.stderr.write(`› ${text} …\n`);
}

/** Builds what the example needs, then runs it. */
async function start(args) {
  await build("@chinese-clip/examples^...");
  return runExample(join(root, "examples"), args);
}

/** Builds the command, then trains the demo model's text tower from scratch and both towers after that. */
async function train(args) {
  await build("@chinese-clip/example-training^...");
  return runExample(join(root, "examples", "training"), args);
}

/** Runs an example's `src/main.ts`; paths in its arguments are relative to where the user is. */
async function runExample(folder, args) {
  const tsx = pathToFileURL(createRequire(join(folder, "package.json")).resolve("tsx")).href;
  const { code } = await run(process.execPath, ["--import", tsx, join(folder, "src", "main.ts"), ...args], {
    output: "inherit",
    interactive: true,
    cwd: userFolder(),
  });
  return code;
}

/** Builds the page that searches images, and serves it until it is interrupted. */
async function web(args) {
  await build("@chinese-clip/example-web-search");
  const folder = join(root, "examples", "web-search");
  const vite = join(dirname(createRequire(join(folder, "package.json")).resolve("vite/package.json")), "bin", "vite.js");
  const { code } = await run(process.execPath, [vite, "preview", ...args], { output: "inherit", interactive: true, cwd: folder });
  return code;
}

/** Builds the command, and serves the demo model with an index of the demo's images until it is interrupted. */
async function serve(args) {
  await build("chinese-clip");
  const index = join(root, "node_modules", ".cache", "chinese-clip", "demo.index");
  report("indexing the demo's images");
  const made = await run(process.execPath, [join(root, "scripts", "demo-index.mjs"), index], { output: "inherit" });
  if (made.code !== 0) return made.code;
  const command = [join(root, "packages", "cli", "dist", "main.js"), "serve", join(root, "examples", "demo-checkpoint"), "--index", index];
  const { code } = await run(process.execPath, [...command, ...args], { output: "inherit", interactive: true, cwd: userFolder() });
  return code;
}

/** Builds the command, and packs it and the packages that it depends on. */
async function pack([folder = "", ...others]) {
  if (folder === "" || others.length > 0) throw new StepError("usage: node scripts/bootstrap.mjs pack <folder>", { code: 2, output: "" });
  const env = await build("chinese-clip");
  const packed = await run("pnpm", packArguments(resolve(userFolder(), folder)), { output: "collect", env, cwd: root });
  if (packed.code !== 0) throw new StepError("The packages could not be packed.", packed);
  return 0;
}

/** Installs, then builds what a turbo filter names; gives the environment for the tools. */
async function build(filter) {
  const env = await install(report);
  report("building (what has not changed comes from the cache)");
  const built = await turbo(["build", `--filter=${filter}`], { env, output: "collect" });
  if (built.code !== 0) throw new StepError("The build failed.", built);
  return env;
}

/** Types, lint, format and tests of everything, then the sum. @param {"default" | "all"} selection - which tests. */
async function test(args, selection) {
  if (args.length > 0)
    throw new StepError(
      `${selection === "all" ? "npm run test:all" : "npm test"} takes no arguments, got ${args.join(" ")}. One package's tests: npx vitest run, in its folder.`,
      {
        code: 2,
        output: "",
      },
    );
  const env = await install(report);
  const folders = testedFolders(root);
  removeReports(root, folders);
  report("checking types, lint and format, and running the tests (minutes, unless nothing has changed)");
  const { code } = await turbo(["typecheck", "lint:packages", "lint:root", "test", "--continue=dependencies-successful", "--summarize"], {
    env: { ...env, CHINESE_CLIP_TESTS: selection },
    output: "inherit",
  });
  const reports = folders.map(readReport);
  const total = (key) => reports.reduce((sum, packageReport) => sum + packageReport[key], 0);
  const failedTests = total("failed");
  const failedTasks = code === 0 ? [] : readFailedTasks(root, reports);
  if (code !== 0 && failedTests + failedTasks.length === 0) failedTasks.push("turbo: see above");
  process.stdout.write(`${formatSummary(reports, failedTasks)}\n`);
  return code === 0 && failedTests === 0 && total("passed") > 0 ? 0 : 1;
}

/** npm runs its scripts in the repository's root and leaves the user's own folder in INIT_CWD. */
function userFolder() {
  return process.env.npm_lifecycle_event === undefined ? process.cwd() : (process.env.INIT_CWD ?? process.cwd());
}

const commands = { start, web, serve, train, pack, test: (rest) => test(rest, "default"), "test:all": (rest) => test(rest, "all") };
const [name = "", ...args] = process.argv.slice(2);

try {
  checkNodeVersion();
  if (!Object.hasOwn(commands, name))
    throw new StepError("usage: node scripts/bootstrap.mjs start|web|serve|train|pack|test|test:all [arguments]", { code: 2, output: "" });
  endChildrenOnSignals();
  process.exitCode = await commands[name](args);
} catch (error) {
  if (!(error instanceof StepError)) throw error;
  forgetInstall(); // whatever is wrong, the next run looks at everything again
  process.stderr.write(`${error.output}\n${error.message}\n`);
  process.exitCode = error.code === 0 ? 1 : error.code;
}
