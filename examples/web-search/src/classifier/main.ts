/** Starts the page of classifiers. */
import { render } from "lit-html";
import { readLanguage, Store, writeLanguage } from "@chinese-clip/search-page";
import { goOffline } from "../offline.js";
import { placedFilesOf } from "../picked-files.js";
import { chosenModel, readSettings } from "../settings.js";
import { ClassifierApp } from "./app.js";
import { CLASSIFIER_MESSAGES } from "./messages.js";
import type { ClassifierState } from "./state.js";
import { classifierPage } from "./view.js";

const root = document.querySelector<HTMLElement>("#app");
if (root === null) throw new Error("main: expected an element #app");

const store = new Store<ClassifierState>(
  {
    language: readLanguage(),
    choice: chosenModel(readSettings()),
    model: { status: "loading", download: undefined },
    classes: [],
    embedding: undefined,
    skipped: [],
    method: "auto",
    fit: { status: "idle" },
    ready: undefined,
    isStale: false,
    trials: [],
    problem: undefined,
    dropTarget: undefined,
  },
  show,
);
const app = new ClassifierApp(store);

function show(state: ClassifierState): void {
  const say = CLASSIFIER_MESSAGES[state.language];
  document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
  document.title = `${say.title} · Chinese-CLIP`;
  const view = {
    state,
    app,
    say,
    hold: (dropTarget: ClassifierState["dropTarget"]) => {
      if (store.state.dropTarget !== dropTarget) store.update({ dropTarget });
    },
    setLanguage: () => {
      const language = state.language === "zh" ? "en" : "zh";
      writeLanguage(language);
      store.update({ language });
    },
  };
  render(classifierPage(view), root as HTMLElement);
}

// Folders may be dropped anywhere; images on their class.
addEventListener("dragover", (event) => {
  if (event.dataTransfer?.types.includes("Files") !== true) return;
  event.preventDefault();
  if (store.state.dropTarget !== "page") store.update({ dropTarget: "page" });
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) store.update({ dropTarget: undefined });
});
addEventListener("drop", (event) => {
  if (event.dataTransfer === null) return;
  event.preventDefault();
  store.update({ dropTarget: undefined });
  void placedFilesOf(event.dataTransfer).then((files) => app.addFiles(files));
});
// Images that were gathered and are in no file yet.
addEventListener("beforeunload", (event) => {
  const { classes, ready, isStale } = store.state;
  if (classes.some(({ examples }) => examples.length > 0) && (ready === undefined || isStale)) event.preventDefault();
});

app.addClass();
app.addClass();
await goOffline();
await app.useModel(store.state.choice);
