/**
 * What the users of a package rely on, checked for all packages in one process: its manifest (publint), whether its types are found as its code
 * is (attw, for ES modules), and that its public API is the one of its reports (api-extractor). A process for each package and tool
 * would load TypeScript some forty times and parse its libraries as often.
 *
 *     node scripts/check-packages.mjs            names what is wrong; exit status 1 where there is something
 *     node scripts/check-packages.mjs --write    writes the API reports
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPackage, Package } from "@arethetypeswrong/core";
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Node's resolution before `exports`, and `require` of before `require(esm)`: no package supports either. */
const IGNORED_RESOLUTIONS = ["node10", "node16-cjs"];

/** In every package, whatever its manifest lists. */
const ALWAYS_PUBLISHED = /^(?:package\.json|readme(?:\..*)?\.md|licen[cs]e)$/iu;

/** The files that npm publishes of a package: paths in its folder. */
function publishedFiles(folder, { files = [] }) {
  const below = (path) =>
    statSync(join(folder, path)).isDirectory() ? readdirSync(join(folder, path)).flatMap((name) => below(`${path}/${name}`)) : [path];
  return readdirSync(folder)
    .filter((name) => ALWAYS_PUBLISHED.test(name) || files.includes(name))
    .flatMap(below);
}

async function manifestProblems(folder, manifest, files) {
  const packed = files.map((name) => ({ name: join(folder, name), data: readFileSync(join(folder, name)) }));
  const { messages } = await publint({ pkgDir: folder, strict: true, pack: { files: packed } });
  return messages.map((message) => formatMessage(message, manifest, { color: false }) ?? message.code);
}

async function typeProblems(folder, { name, version }, files) {
  const contents = Object.fromEntries(files.map((file) => [`/node_modules/${name}/${file}`, readFileSync(join(folder, file))]));
  const { types, problems } = await checkPackage(new Package(contents, name, version));
  if (types === false) return ["expected types, got none"];
  return problems
    .filter((problem) => !("resolutionKind" in problem && IGNORED_RESOLUTIONS.includes(problem.resolutionKind)))
    .map((problem) => `types: ${JSON.stringify(problem)}`);
}

/** The configurations of a package's entries, each of which has a report. */
function extractorConfigs(folder) {
  return readdirSync(folder)
    .filter((name) => /^api-extractor(?:\.[\w-]+)?\.json$/u.test(name))
    .map((name) => ExtractorConfig.loadFileAndPrepare(join(folder, name)));
}

function apiProblems(config, compilerState, localBuild) {
  const problems = [];
  const { succeeded } = Extractor.invoke(config, {
    compilerState,
    localBuild,
    messageCallback(message) {
      message.handled = true;
      if (message.logLevel !== ExtractorLogLevel.Error && message.logLevel !== ExtractorLogLevel.Warning) return;
      const where = message.sourceFilePath === undefined ? "" : `${relative(root, message.sourceFilePath)}:${message.sourceFileLine}: `;
      problems.push(`${where}${message.text}`);
    },
  });
  return succeeded || localBuild ? problems.filter(() => !succeeded) : [...problems, "run pnpm api to write the reports"];
}

const write = process.argv.includes("--write");
const folders = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((folder) => readdirSync(folder).includes("package.json"))
  .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
  .filter(({ manifest }) => manifest.private !== true);
const found = [];
const report = (name, problems) => found.push(...problems.map((problem) => `${name}: ${problem}`));

for (const { folder, manifest } of write ? [] : folders) {
  const files = publishedFiles(folder, manifest);
  report(manifest.name, await manifestProblems(folder, manifest, files));
  report(manifest.name, await typeProblems(folder, manifest, files));
}

const configs = folders.flatMap(({ folder, manifest }) => extractorConfigs(folder).map((config) => ({ name: manifest.name, config })));
const [first] = configs;
if (first !== undefined) {
  const entries = configs.map(({ config }) => config.mainEntryPointFilePath);
  const compilerState = CompilerState.create(first.config, { additionalEntryPoints: entries });
  for (const { name, config } of configs) report(name, apiProblems(config, compilerState, write));
}

for (const line of found) console.error(line);
console.log(`${folders.length} packages, ${configs.length} entries checked, ${found.length} problems`);
if (folders.length === 0 || configs.length === 0 || found.length > 0) process.exitCode = 1;
