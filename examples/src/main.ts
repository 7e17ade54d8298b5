/**
 * `npm start`: what Chinese-CLIP is for, on the demo model or the user's own, in the terminal and on a page.
 */
import { CheckpointError, ChineseCLIP, ImageError, TokenizerError } from "@chinese-clip/node";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, relative } from "node:path";
import { HELP, parseArguments, type Request, UsageError } from "./arguments.js";
import { buildPage } from "./html-page.js";
import { listImages, imageFileAt } from "./image-files.js";
import { searchImages, type SearchResult } from "./search.js";
import { type ClassificationResult, classificationReport, searchReport } from "./terminal-report.js";
import { createPaint } from "./terminal-table.js";

const paint = createPaint(process.stdout);

/** Results go to the output, what is happening meanwhile to the error stream. */
const print = (text: string): boolean => process.stdout.write(`${text}\n\n`);
const report = (text: string): boolean => process.stderr.write(`${text}\n`);

async function run({ model, classify, search, page }: Request): Promise<void> {
  const images = search === undefined ? [] : await listImages(search.folder);
  const clip = await ChineseCLIP.fromPretrained(model);
  try {
    let classification: ClassificationResult | undefined;
    if (classify !== undefined) {
      const { image, labels, template } = classify;
      const options = template === undefined ? {} : { template };
      classification = { image: imageFileAt(image), template, labels: await clip.classify(image, labels, options) };
      print(classificationReport(classification, paint));
    }

    let searches: SearchResult[] = [];
    if (search !== undefined) {
      searches = await searchImages(clip, images, search.texts, {
        onProgress: (done) =>
          process.stderr.isTTY && process.stderr.write(`\r${done} / ${images.length}${done === images.length ? "\n" : ""}`),
        onUnreadable: (image, error) => report(`skipped ${image.name}: ${error instanceof Error ? error.message : String(error)}`),
      });
      for (const result of searches) print(searchReport(result, paint));
    }

    await mkdir(dirname(page), { recursive: true });
    await writeFile(page, await buildPage({ classification, searches, imageCount: images.length, model: basename(model) }));
    print(`网页 Page: ${relative(process.cwd(), page)}`);
  } finally {
    await clip.dispose();
  }
}

try {
  const request = parseArguments(process.argv.slice(2));
  if (request === "help") print(HELP);
  else await run(request);
} catch (error) {
  process.exitCode = 1;
  if (error instanceof UsageError) report(`${error.message}\nnpm start -- --help lists the options.`);
  // What is wrong with a file is said by its message; anything else is a defect, for which the stack is wanted.
  else if (error instanceof Error && isAboutFile(error)) report(error.message);
  else throw error;
}

function isAboutFile(error: Error): boolean {
  return error instanceof CheckpointError || error instanceof ImageError || error instanceof TokenizerError || "syscall" in error;
}
