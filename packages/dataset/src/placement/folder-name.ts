/** Names of folders from labels, which are people's words: whatever they contain, the folder is one below its parent on every system. */

/** Bytes of a name: systems allow 255, and a number may be added. */
const MAX_BYTES = 200;
/** Names that Windows keeps for devices, with any extension. */
const DEVICES = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/**
 * A folder's name for each label: characters that a system rejects become `_`, long ones are cut, and of two labels with one name, also but for case,
 * the second gets a number.
 */
export function folderNames(labels: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const label of labels) {
    if (names.has(label)) continue;
    const name = folderName(label);
    let unique = name;
    for (let number = 2; taken.has(folded(unique)); number++) unique = `${name} (${number})`;
    taken.add(folded(unique));
    names.set(label, unique);
  }
  return names;
}

/** One label's name. */
export function folderName(label: string): string {
  const visible = label.normalize("NFC").replaceAll(/[/\\:*?"<>|\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "_");
  let trimmed = cut(visible.trim());
  while (/[. ]$/u.test(trimmed)) trimmed = trimmed.slice(0, -1); // Windows drops them
  trimmed = trimmed.replace(/^\.+/u, "_");
  if (trimmed === "") return "_";
  return DEVICES.test(trimmed) ? `_${trimmed}` : trimmed;
}

/** As much of a text as goes into a name, whole characters. */
function cut(text: string): string {
  let [name, bytes] = ["", 0];
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_BYTES) break;
    name += character;
  }
  return name;
}

/** As systems compare names that do not tell case apart. */
function folded(name: string): string {
  return name.toLowerCase();
}
