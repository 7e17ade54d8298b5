/**
 * Shows how a text is cut into tokens, as it is typed. Of Chinese-CLIP, this page has the tokenizer only.
 */
import { BertTokenizer, type BertTokenizerOptions, type Encoding } from "@chinese-clip/tokenizer";
import demoVocabulary from "../../demo-checkpoint/vocab.txt?raw";
import { markText } from "./mark-text.js";

const text = element("text", HTMLTextAreaElement);
const marked = element("marked", HTMLElement);
const flavor = element("flavor", HTMLSelectElement);
const maxLength = element("max-length", HTMLInputElement);
const vocabulary = element("vocabulary", HTMLInputElement);
const summary = element("summary", HTMLElement);
const tokens = element("tokens", HTMLElement);

/** The vocabulary as it was read, since each flavour makes another tokenizer of it. */
let source = { name: "demo-checkpoint/vocab.txt", content: demoVocabulary };
let tokenizer = createTokenizer();

function createTokenizer(): BertTokenizer {
  const options: BertTokenizerOptions = { flavor: flavor.value === "transformers" ? "transformers" : "cn_clip" };
  return source.name.endsWith(".json")
    ? BertTokenizer.fromTokenizerJson(source.content, options)
    : BertTokenizer.fromVocab(source.content, options);
}

function show(): void {
  // The least that has room for both special tokens.
  const limit = Math.max(2, maxLength.valueAsNumber || 2);
  const encoding = tokenizer.encode(text.value, { truncation: true, maxLength: limit });
  const { ids, truncated } = encoding;
  marked.replaceChildren(...markText(text.value, encoding, tokenizer.unkTokenId));
  tokens.replaceChildren(...ids.map((_, index) => tokenItem(encoding, index)));
  const cut = truncated ? "，超出的部分被截去 · cut" : "";
  summary.textContent = `${ids.length} token${cut} · ${source.name}，${tokenizer.vocabSize} 项 entries`;
}

/** A token: its piece, its id, and the place in the text that it is of. */
function tokenItem({ ids, offsets }: Encoding, index: number): HTMLLIElement {
  const item = document.createElement("li");
  const [id = 0, [start, end] = [0, 0]] = [ids[index], offsets[index]];
  const [piece, number, place] = [document.createElement("b"), document.createElement("code"), document.createElement("small")];
  piece.textContent = tokenizer.idToToken(id) ?? "";
  number.textContent = String(id);
  place.textContent = start === end ? "" : `${start}–${end}`;
  item.append(piece, number, place);
  item.classList.toggle("special", start === end);
  item.classList.toggle("unknown", id === tokenizer.unkTokenId);
  const mark = marked.querySelector(`[data-token="${index}"]`);
  item.addEventListener("pointerenter", () => mark?.classList.add("active"));
  item.addEventListener("pointerleave", () => mark?.classList.remove("active"));
  return item;
}

/** Takes a vocabulary, or says why not. */
function use(next: typeof source): void {
  const before = source;
  source = next;
  try {
    tokenizer = createTokenizer();
    show();
  } catch (error) {
    source = before;
    summary.textContent = error instanceof Error ? error.message : String(error);
  }
}

function element<Kind extends HTMLElement>(id: string, kind: abstract new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`main: expected an element #${id}`);
  return found;
}

text.addEventListener("input", show);
maxLength.addEventListener("input", show);
flavor.addEventListener("change", () => use(source));
vocabulary.addEventListener("change", () => {
  const [file] = vocabulary.files ?? [];
  if (file !== undefined) void file.text().then((content) => use({ name: file.name, content }));
});
show();
