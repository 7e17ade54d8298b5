/**
 * Starts the page: the search page of all backends, on one that embeds in the browser, with the model and the ways to add images around it.
 */
import { html } from "lit-html";
import { type ImageItem, mountSearchPage, readLanguage, type SlotContext, Store } from "@chinese-clip/search-page";
import { App } from "./app.js";
import type { AppState } from "./app-state.js";
import { BrowserBackend } from "./browser-backend.js";
import { explainModel } from "./explain.js";
import { ImageLibrary } from "./image-library.js";
import { MESSAGES, SUGGESTIONS } from "./messages.js";
import { goOffline } from "./offline.js";
import { filesOf, isImage } from "./picked-files.js";
import { chosenModel, readSettings } from "./settings.js";
import { addButtons, emptyIndex, indexingBar } from "./view/add-images.js";
import { inspectorSlot } from "./view/labels.js";
import { loadStatus, modelFailure } from "./view/load-status.js";
import { modelPanel } from "./view/model-panel.js";
import { problemNote } from "./view/problem-note.js";
import type { View } from "./view/view.js";

const settings = readSettings();
const choice = chosenModel(settings);
const root = document.querySelector<HTMLElement>("#app");
if (root === null) throw new Error("main: expected an element #app");

const initial: AppState = {
  settings,
  choice,
  model: { status: "loading", download: undefined },
  change: undefined,
  imageDownload: undefined,
  backends: {},
  images: [],
  indexing: undefined,
  imageMs: undefined,
  unreadable: [],
  skipped: [],
  candidates: [],
  similarities: new Map(),
  logitScale: 1,
  isDragging: false,
  problem: undefined,
};

const library = await ImageLibrary.open().catch((error: unknown) => {
  root.textContent = MESSAGES[readLanguage()].noDatabase;
  throw error;
});
const store = new Store<AppState>(initial, () => page.controller.redraw());
const backend = new BrowserBackend(store);
const app = new App(store, library, backend, () => page.controller.refresh());
const view = ({ language, state, controller, say }: SlotContext): View => ({
  state: store.state,
  app,
  say: MESSAGES[language],
  words: say,
  language,
  page: state,
  controller,
});

const page = mountSearchPage(root, backend, {
  title: { zh: MESSAGES.zh.title, en: MESSAGES.en.title },
  subtitle: { zh: MESSAGES.zh.subtitle, en: MESSAGES.en.subtitle },
  suggestions: () => SUGGESTIONS[store.state.choice.kind === "demo" ? "demo" : "photos"],
  onSuggestion: (text, controller) => {
    app.addSamplesIfEmpty();
    controller.searchText(text, true);
  },
  explain: explainModel,
  slots: {
    status: (context) => loadStatus(view(context)),
    notice: (context) => [modelFailure(view(context)), problemNote(view(context))],
    tools: (context) => [addButtons(view(context)), indexingBar(view(context))],
    empty: (context) => emptyIndex(view(context)),
    inspector: (context, item: ImageItem) => inspectorSlot(view(context), item),
    footer: (context) => modelPanel(view(context)),
    overlay: (context) => (store.state.isDragging ? html`<div class="drop-overlay"><p>${view(context).say.dropHere}</p></div>` : undefined),
  },
});

// The whole window takes images, not only where it says so.
addEventListener("dragover", (event) => {
  if (event.dataTransfer?.types.includes("Files") !== true) return;
  event.preventDefault();
  if (!store.state.isDragging) store.update({ isDragging: true });
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) store.update({ isDragging: false });
});
addEventListener("drop", (event) => {
  if (event.dataTransfer === null) return;
  event.preventDefault();
  store.update({ isDragging: false });
  void filesOf(event.dataTransfer).then((files) => app.addFiles(files));
});
addEventListener("paste", (event) => {
  const image = [...(event.clipboardData?.files ?? [])].find(isImage);
  if (image !== undefined) page.controller.searchImage(image, image.name);
});

store.update({ candidates: settings.labels.map((label) => app.createCandidate(label)) });
await goOffline();
// A visitor may have asked for another one meanwhile.
if (store.state.choice === choice) await app.useModel(choice);
