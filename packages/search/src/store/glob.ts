/**
 * Names of files by pattern: `*` is anything but `/`, `**` anything, `**` and a slash any folders or none, `?` one character but `/`. Everything else is
 * itself. The time is at most the product of the lengths, whatever the pattern.
 */

/** A part of a pattern. */
type Token = { readonly kind: "one" | "some" | "all" | "folders" } | { readonly kind: "is"; readonly character: string };

/** Whether a pattern is one of the whole text. */
export function matchesGlob(pattern: string, text: string): boolean {
  const tokens = tokensOf(pattern);
  const characters = Array.from(text);
  let [at, token] = [0, 0];
  /** Where the last wildcard of each reach began; one that stops at a slash is tried first. */
  let narrow: { token: number; at: number } | undefined;
  let wide: { token: number; at: number } | undefined;
  for (;;) {
    const current = tokens[token];
    if (current?.kind === "some") narrow = { token: token++, at };
    else if (current?.kind === "all" || current?.kind === "folders") {
      wide = { token: token++, at };
      narrow = undefined;
    } else if (current === undefined ? at === characters.length : isOne(current, characters[at])) {
      if (current === undefined) return true;
      token++;
      at++;
    } else if (narrow !== undefined && narrow.at < characters.length && characters[narrow.at] !== "/") {
      at = ++narrow.at;
      token = narrow.token + 1;
    } else {
      if (wide === undefined) return false;
      do wide.at++;
      while (tokens[wide.token]?.kind === "folders" && wide.at <= characters.length && characters[wide.at - 1] !== "/");
      if (wide.at > characters.length) return false;
      at = wide.at;
      token = wide.token + 1;
      narrow = undefined;
    }
  }
}

function isOne(token: Token, character: string | undefined): boolean {
  if (character === undefined) return false;
  return token.kind === "is" ? token.character === character : character !== "/";
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (character === "?") tokens.push({ kind: "one" });
    else if (character !== "*") tokens.push({ kind: "is", character });
    else if (characters[at + 1] !== "*") tokens.push({ kind: "some" });
    else {
      while (characters[at + 1] === "*") at++;
      const isFolders = characters[at + 1] === "/" && (tokens.length === 0 || isSlash(tokens.at(-1)));
      tokens.push({ kind: isFolders ? "folders" : "all" });
      if (isFolders) at++;
    }
  }
  return tokens;
}

function isSlash(token: Token | undefined): boolean {
  return token?.kind === "folders" || (token?.kind === "is" && token.character === "/");
}
