/**
 * The words of the field that this project writes, beside those that it does not: what `prose.test.ts` looks for in sources, messages and
 * documents. A pattern is English; Chinese texts are not its matter.
 */

/** One entry of the glossary. */
export interface Term {
  /** What is not written. */
  readonly avoid: RegExp;
  /** What is written instead. */
  readonly write: string;
  /** Where the word has this sense; default everywhere. */
  readonly within?: RegExp;
}

const CACHES = /^(?:packages\/(?:pipeline|node|web|cli|dataset)\/|README|docs\/|bench\/|examples\/|\.changeset\/)/;
const COMMANDS = /^(?:packages\/cli\/|README|docs\/)/;
const FETCHES = /^packages\/web\//;
const GRAPHS = /^packages\/model\//;
const SUBJECT = "(?:it|they|there|nobody|nothing|this|these|those|that|he|we|you|the \\w+)";

/** The terms. */
export const GLOSSARY: readonly Term[] = [
  // Terms of the field.
  { avoid: /\bnumber formats?\b|\bwhat is computed in\b/i, write: "dtype; compute dtype" },
  { avoid: /pictures?(?!\/)/i, write: "image" },
  { avoid: /\bkept\b(?! (?:open|alive|in (?:memory|order)|free))/i, write: "cached, stored, held", within: CACHES },
  { avoid: /\bwhole numbers?\b/i, write: "integer" },
  { avoid: /\bgreatest\b/i, write: "maximum, largest" },
  { avoid: /\bcircles?\b/i, write: "cycle" },
  { avoid: /\bhid(?:es?|den|ing) (?:a |the |some |any )?tokens?\b/i, write: "masks" },
  { avoid: /\basking\b|\bmiddle\b|\bouter\b(?! product)/i, write: "query input, MLP output, residual", within: GRAPHS },
  { avoid: /\bverbs?\b/i, write: "command", within: COMMANDS },
  { avoid: /\bpass(?:es|ed|ing) over\b/i, write: "skip" },
  { avoid: /\bg(?:o|oes|one|oing) on with\b|\bwent on with\b/i, write: "resume" },
  { avoid: /\bbeg[aiu]n with\b/i, write: "created with" },
  { avoid: /\bin parts\b/i, write: "in chunks" },
  { avoid: /\btokens? (?:are )?computed at once\b/i, write: "maxTokensPerRun" },
  { avoid: /\brefus(?:e|es|ed|ing|al)\b/i, write: "reject" },
  { avoid: /\banew\b/i, write: "again" },

  // Names.
  { avoid: /\bsettle[sd]?\b/i, write: "commit", within: FETCHES },
  { avoid: /\bdeliver(?:s|ed|y)?\b/i, write: "readRanges", within: FETCHES },
  { avoid: /\brelocated\b/i, write: "withExternalData" },
  { avoid: /\bbuiltFor\b/, write: "forTarget" },
  { avoid: /\blayOutTower\b|\blay-out-tower\b/, write: "planTower" },
  { avoid: /\blimitTurns\b|\blimit-turns\b/, write: "limitConcurrency" },
  { avoid: /\bFileClaim\b/i, write: "ExpectedFile" },
  { avoid: /\bonNotKept\b/, write: "onCacheError" },
  { avoid: /\bkeepTower\b|\bkept towers?\b|\bKeptTower\b/i, write: "tower cache" },
  { avoid: /\btokensAtOnce\b/i, write: "maxTokensPerRun" },
  { avoid: /\bNEAR_THE_END\b/, write: "a name that says what is near the end" },

  // Sentences.
  { avoid: /\bwhat is to (?:be )?\w+/i, write: "a noun: the tensors, the request" },
  {
    avoid: /\b(?:by |for |of |to |tells? )?who (?:wants?|knows?|writes?|reads?|asks?|needs?|uses?)\b/i,
    write: "a noun: the caller, the reader",
  },
  { avoid: /(?:^|[.:;] |\*\* |\/\/ |\* )Of (?!course)[a-z`]/, write: "subject and verb first" },
  {
    avoid: new RegExp(`[,;] for ${SUBJECT} (?:is|are|was|were|would|has|have|do|does|could|can|may|must|needs?|will)\\b`, "i"),
    write: "because, since",
  },
  { avoid: /\bfor want of\b/i, write: "because there is no" },
];

/** A place where a word of the left column is right. */
export interface Exception {
  readonly path: RegExp;
  /** In the line. */
  readonly text: RegExp;
  readonly reason: string;
}

/** The exceptions. */
export const EXCEPTIONS: readonly Exception[] = [
  { path: /^\.changeset\//, text: /is now `|`relocated`|\bbuiltFor\b|`layOutTower`/, reason: "a changeset names what was renamed" },
  {
    path: /./,
    text: /\bpictures\.json\b|"(?:\/)?pictures\/?"|metadata `pictures`|\/picture-library\.ts/,
    reason: "the folder of the demo's images, its list, and a module of the page are called so",
  },
  { path: /^tools\/browser\//, text: /\brefuse/, reason: "a server refuses connections" },
  { path: /^(?:bench\/src\/line-plot|packages\/cli\/src\/reports\/line-chart)/, text: /<circle|svg circle/, reason: "SVG's element" },
];
