/**
 * What can be wrong with the files that a data set or its features are in: one English sentence for each code, filled from `details`. A
 * program branches on the code; a user interface in another language has its own sentence for it.
 */

/** English by code; `<name>` is the detail of that name. */
export const DATASET_MESSAGES = {
  "no-such-file": "no such file; check the path",
  "no-such-folder": "no such folder; check the path",
  "not-a-file": "expected a file, got a folder",
  "named-pipe": "expected a file, got a named pipe",
  "too-large": "expected at most <maximum> bytes; is this the right file?",
  "not-a-folder": "expected a folder, got a file",
  unreadable: "cannot be read (<reason>); check its permissions",
  "out-of-resources":
    "cannot be read now, as this process has too many open files or too little memory (<errno>); raise its limit (ulimit -n), or run less at once",
  "not-utf8": "expected UTF-8 text; convert the file first (from Chinese Windows: iconv -f GB18030 -t UTF-8; Excel: save as CSV UTF-8)",
  "line-too-long": "expected lines of at most <maximum> characters; is this the right file?",
  "not-json": "expected one JSON object a line (<reason>)",
  "cut-line": "expected one JSON object a line (<reason>); the line seems cut off: was the writing of the file interrupted?",
  "not-an-object": "expected a JSON object, {…}",
  "missing-field": 'expected a field "<name>"',
  "swapped-files": 'expected a field "<name>"; it has "<other>": are the two files swapped?',
  "missing-text": 'expected a field "text" with a string',
  "missing-feature": 'expected a field "feature" with a list of finite numbers',
  "invalid-id": "expected an integer up to 2^53 as <name>, got <got>",
  "quoted-id": "expected an integer up to 2^53 as <name>, got <got>; write it without the quotes, or number the lines if the ids are names",
  "named-image": "expected an integer up to 2^53 as id, got <got>; number the images if their ids are names",
  "duplicate-id": "<name> <id> is on line <before> already; each needs its own",
  "tsv-fields": "expected an id, a tab and the image in base64, got <got> fields",
  "not-base64": "expected base64 after the tab; is the line cut off?",
  "no-texts": 'no texts in it; expected lines such as {"text_id": 1, "text": "…"}',
  "no-tsv-images": "no images in it; expected lines of an id, a tab and base64",
  "no-features": 'no features in it; expected lines such as {"<name>": 1, "feature": […]}',
  "no-images": "no images in it; expected files that end in <extensions>",
  "no-class-folders": "no class folders in it; expected one folder of images for each label, as 000/, 001/, …",
  "empty-class": "no images for the class <classes>; expected files that end in <extensions>. Add some, or remove the folder and its label",
  "no-paths": "no paths in it; write one image's path a line, as `find` prints them",
  "folder-too-deep": "folders nested too deep; does a link form a cycle?",
  "feature-length": "expected <expected> values as on the first line, got <got>",
  "other-model-length":
    "its features have <got> values and the model's <expected>: they are of another model. Name that one with --model, or embed again",
  "other-model":
    "its features are of <recorded>, and this is <current>: cosines between two models mean nothing. Name that one with --model, or embed again; if these are the same weights in other files, remove <record>",
  "output-length":
    "its features have <got> values and the model's <expected>: they are of another model. Name that one with --model, or another --output",
  "output-model": "created with model <recorded>; this run uses model <current>. Use <recorded> again, or name another --output",
  "output-dtype": "created with dtype <recorded>; this run uses <current>. Use <recorded> again, or name another --output",
  "output-decode":
    "created with images decoded as <recorded>; this run uses <current>. Use --decode <recorded> again, or name another --output",
  "foreign-output": "exists and was not written by embed; name another --output",
  "output-without-id": 'exists and has no "<name>" here, so it cannot be resumed; name another --output',
  "output-locked": "another process is writing it (process <process>); wait for it, or remove <lock> if there is none",
  "inputs-ended":
    "its <rows> rows end with <last>, and the inputs end before: they are not those that it was created with. Name another --output, or remove it and <failures> to start again",
  "inputs-changed":
    "its <rows> rows end with <last>, and there the inputs have <got>: they are not those that it was created with. Name another --output, or remove it and <failures> to start again",
  "invalid-record": "expected which model the features beside it are of, as embed writes it; remove this file",
  "no-free-name": "there are too many files of this name; choose another folder",
  "no-index": "no image index in this folder; check the path, or make one",
  "not-an-image-index": "a vector store that is not of images; name another folder",
  "invalid-index-record": "expected which folders and settings this index is of; its bytes are not those that were written",
  "index-setting": "created with <name> <recorded>; this run uses <name> <current>. Use <recorded> again, or make another index",
  "folder-in-index": "is in the folder of the index (<index>), whose images are thumbnails; name another folder",
  "unknown-source": "unknown source; expected <expected>",
  "invalid-shard": "shard <id> is not of this source: expected <expected>. Is this the manifest of another source?",
  "source-changed": "its size is <got> bytes, and was <expected> when it was listed: it is another file now. List the source again",
  "manifest-exists": "exists, and a source is listed once, as a second list may divide it otherwise; remove it to list again",
  "not-a-manifest": "expected a manifest as writeManifest writes it (<reason>)",
  "manifest-cut": "expected <expected> shards, got <got>: the file is cut off; copy it again, or remove it and list again",
  "invalid-shard-record":
    "expected what a finished shard was made of, as embedShard writes it (<reason>); remove this file, and the shard is embedded again",
  "foreign-shard": "its <name> is <recorded>, and this run's <current>: shards of two runs must not be mixed. Name another output",
  "no-shards": "no finished shards in it; name the folder that embedShard or the workers write to",
  "too-many-items": "shard <id> has more than <maximum> items; divide it into smaller ones",
  "all-unreachable": "none of the <count> items could be fetched; is the network there?",
  unreachable: "cannot be fetched (<reason>)",
  "no-image": "expected an image, got none",
  "no-caption": "expected a caption, got none",
  "not-a-tar": "expected a tar archive (<reason>)",
  "tar-cut": "ends within <name> (at byte <offset>): the file is cut off. Copy or download it again",
  "tar-header": "the header at byte <offset> is damaged: its checksum is another",
  "tar-pax": "the PAX header at byte <offset> is damaged",
  "tar-extension": "the header at byte <offset> says that a name has <got> bytes; at most <maximum> are read",
  "tar-sparse": "<name> (at byte <offset>) is a sparse file, which is not read; write it with another option than --sparse",
  "member-too-large": "<name> (at byte <offset>) has <got> bytes; at most <maximum> are read",
  "tar-scattered": "the members of <name> are too far apart to be read from a stream; copy the archive to a local disk first",
  "duplicate-key": "<name> is there more than once",
  "sample-json": "<name> is no JSON object (<reason>)",
  "expands-too-far": "its <got> compressed bytes become more than <maximum>: it is damaged, or made to exhaust what reads it",
  "brace-range": "expected ranges such as {00000..00099}, or lists such as {a,b}; got <got>",
  "no-files": "no files that end in <extensions>",
  "http-status": "expected a successful answer, got HTTP status <status>",
  "private-address": "expected a public address, got <host>; allowPrivateAddresses permits addresses of this machine and its network",
  "no-s3-client": "s3: needs the AWS SDK; install it: npm install @aws-sdk/client-s3",
  "s3-denied": "the object store rejected the request (<reason>); check the credentials and what they may do",
  "no-bucket": "no such bucket at this endpoint; check its name, the region and the endpoint",
  "replaced-while-read": "was replaced while it was read; list the source again",
  "unknown-length": "its server does not state its length",
  "unsafe-name": "a name that leads outside of the source's place: <name>",
  "s3-address": "expected s3://bucket/prefix, and behind a question mark endpoint=https://…, region=… or pathStyle=true",
  "invalid-parquet": "cannot be read as Parquet (<reason>)",
  "no-column": "expected a column <name>; its columns are <columns>",
  "not-a-url": "expected an http: or https: URL, got <got>",
  "not-indexed": "is not a folder of this index; those are <folders>",
} as const;

/** Which kind of thing is wrong. */
export type DatasetErrorCode = keyof typeof DATASET_MESSAGES;

/** Names in angle brackets in a sentence. */
type DetailNames<Sentence extends string> = Sentence extends `${string}<${infer Name}>${infer Rest}` ? Name | DetailNames<Rest> : never;

/** Details that fill a sentence: a value for each `<name>` in it. */
export type MessageDetails<Sentence extends string> = Readonly<Record<DetailNames<Sentence>, string | number>>;

/** What a code's sentence is filled with. */
export type DatasetErrorDetails<Code extends DatasetErrorCode = DatasetErrorCode> = MessageDetails<(typeof DATASET_MESSAGES)[Code]>;

/** Where in the data something is wrong. */
export interface DatasetPlace {
  /** The file or folder. */
  readonly file?: string | undefined;
  /** The line in it, counted from 1. */
  readonly line?: number | undefined;
}

/** Files of a data set, or of features, that cannot be used. */
export class DatasetError<Code extends DatasetErrorCode = DatasetErrorCode> extends Error {
  /** `"DatasetError"`. */
  override readonly name: string = "DatasetError";
  /** Which kind of fault, from a closed set. */
  readonly code: Code;
  /** The parts of the message as data; of values from a file the first 80 characters. */
  readonly details: Readonly<Record<string, string | number | undefined>> & DatasetPlace;

  /** `details` are the sentence's and the place; the message begins with the place. */
  constructor(code: Code, details: DatasetErrorDetails<Code> & DatasetPlace, options?: ErrorOptions) {
    super(placed(details, fillMessage(DATASET_MESSAGES[code], details)), options);
    this.code = code;
    this.details = details;
  }
}

/** A sentence with the details in the place of `<name>`; names without a detail stay as they are. */
export function fillMessage(sentence: string, details: Readonly<Record<string, unknown>>): string {
  return sentence.replace(/<(\w+)>/g, (hole, name: string) => (name in details ? String(details[name]) : hole));
}

/** The sentence with its place before it, as `texts.jsonl, line 2: …`. */
export function placed({ file, line }: DatasetPlace, sentence: string): string {
  if (file === undefined) return sentence;
  return line === undefined ? `${file}: ${sentence}` : `${file}, line ${line}: ${sentence}`;
}

/** A value of a file, short enough for a message; control characters are escaped. */
export function shown(value: unknown): string {
  const text = (typeof value === "string" ? value : JSON.stringify(value)) ?? typeof value;
  const start = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return start.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** A value out of JSON for a message: the contents of an array or an object, which may be of any depth, are left out. */
export function shownJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return shown(JSON.stringify(value));
  return Array.isArray(value) ? `an array of ${value.length}` : "an object";
}

/** The first few of a list, for a message. */
export function shortList(items: readonly string[], most = 5): string {
  const first = items.slice(0, most).join(", ");
  return items.length > most ? `${first}, … (${items.length})` : first;
}

/**
 * Whether an error is the run's and not that of one of its inputs: a thread that crashed, a process without file handles or memory. To go on would report
 * every input after it as bad, and remember that. Told by name and code, as it may come from another copy of its package.
 */
export function isRunFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "WorkerError" || ("code" in error && error.code === "out-of-resources");
}
