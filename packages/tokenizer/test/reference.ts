/**
 * Both reference tokenizers once more, slow and obvious: whole passes over arrays of code points, pieces looked up as strings. Characters that
 * the references' older Unicode does not know are left to the goldens; keep them out of what is compared.
 */
type Flavor = "cn_clip" | "transformers";

function isIdeograph(char: string, flavor: Flavor): boolean {
  const c = char.codePointAt(0) ?? 0;
  const blocks = [
    [0x4e00, 0x9fff],
    [0x3400, 0x4dbf],
    [0x20000, 0x2a6df],
    [0x2a700, 0x2b73f],
    [0x2b740, 0x2b81f],
    [flavor === "cn_clip" ? 0x2b820 : 0x2b920, 0x2ceaf],
    [0xf900, 0xfaff],
    [0x2f800, 0x2fa1f],
  ] as const;
  return blocks.some(([from, to]) => c >= from && c <= to);
}

function clean(text: string, flavor: Flavor): string {
  const control = flavor === "cn_clip" ? /[\p{Cc}\p{Cf}]/u : /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u;
  return Array.from(text)
    .filter((char) => char !== "\uFFFD" && (/[\t\n\r]/.test(char) || !control.test(char)))
    .map((char) => (/[\t\n\r\p{Z}]/u.test(char) ? " " : char))
    .join("");
}

function words(text: string, flavor: Flavor): string[] {
  const spaced = Array.from(clean(text, flavor))
    .map((char) => (isIdeograph(char, flavor) ? ` ${char} ` : char))
    .join("");
  return spaced.split(" ").flatMap((word) => {
    const stripped = (s: string): string => s.normalize("NFD").replace(/\p{Mn}/gu, "");
    const eachLowered = (s: string): string => Array.from(s, (char) => char.toLowerCase()).join("");
    const normal = flavor === "cn_clip" ? stripped(word.toLowerCase()) : eachLowered(stripped(word));
    return normal.split(/([!-/:-@[-`{-~]|\p{P})/u).filter((part) => part !== "");
  });
}

interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** Characters of the longest token. */
  readonly longest: number;
}

const vocabularies = new Map<string, Vocabulary>();

function vocabularyOf(text: string): Vocabulary {
  const known = vocabularies.get(text);
  if (known !== undefined) return known;
  const tokens = text.trimEnd().split("\n");
  const made = {
    ids: new Map(tokens.map((token, id) => [token, id])),
    longest: Math.max(...tokens.map((token) => Array.from(token).length)),
  };
  vocabularies.set(text, made);
  return made;
}

function pieces(word: string, { ids, longest }: Vocabulary, maxChars: number): string[] {
  const chars = Array.from(word);
  if (chars.length > maxChars) return ["[UNK]"];
  const found: string[] = [];
  for (let start = 0; start < chars.length;) {
    let end = Math.min(chars.length, start + longest);
    const piece = (): string => (start > 0 ? "##" : "") + chars.slice(start, end).join("");
    while (end > start && !ids.has(piece())) end--;
    if (end === start) return ["[UNK]"];
    found.push(piece());
    start = end;
  }
  return found;
}

/** The ids of a text without special tokens around it, not cut. */
export function referenceIds(text: string, vocabText: string, flavor: Flavor): number[] {
  const vocab = vocabularyOf(vocabText);
  const plain = (part: string): string[] => words(part, flavor).flatMap((word) => pieces(word, vocab, flavor === "cn_clip" ? 200 : 100));
  const tokens =
    flavor === "cn_clip"
      ? plain(text)
      : text.split(/(\[(?:PAD|UNK|CLS|SEP|MASK)\])/).flatMap((part, i) => (i % 2 === 1 ? [part] : plain(part)));
  return tokens.map((token) => vocab.ids.get(token) ?? Number.NaN);
}
