/**
 * Starts the page: state, verbs and view are tied together here, and what concerns the whole window.
 */
import { render } from "lit-html";
import { App, PAGE_SIZE } from "./app.js";
import type { AppState } from "./app-state.js";
import { MESSAGES } from "./messages.js";
import { goOffline } from "./offline.js";
import { filesOf, isPicture } from "./picked-files.js";
import { PictureLibrary } from "./picture-library.js";
import { chosenModel, readSettings } from "./settings.js";
import { Store } from "./store.js";
import { page } from "./view/page.js";

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
  pictures: [],
  indexing: undefined,
  pictureMs: undefined,
  unreadable: [],
  skipped: [],
  query: { kind: "none" },
  matches: [],
  searchMs: undefined,
  shown: PAGE_SIZE,
  selected: undefined,
  candidates: [],
  similarities: new Map(),
  logitScale: 1,
  isDragging: false,
  problem: undefined,
};

const store = new Store<AppState>(initial, (state) => {
  const { language } = state.settings;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = `${MESSAGES[language].title} · Chinese-CLIP`;
  render(page(state, app), root);
});
const library = await PictureLibrary.open().catch((error: unknown) => {
  root.textContent = MESSAGES[settings.language].noDatabase;
  throw error;
});
const app = new App(store, library);

// The whole window takes pictures, not only where it says so.
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
  const picture = [...(event.clipboardData?.files ?? [])].find(isPicture);
  if (picture !== undefined) void app.searchByFile(picture);
});

store.update({ candidates: settings.labels.map((label) => app.createCandidate(label)) });
await goOffline();
// A visitor may have asked for another one meanwhile.
if (store.state.choice === choice) await app.useModel(choice);
