/**
 * The page's language: the browser's, until the visitor chooses.
 */

/** Languages of the page. */
export type Language = "zh" | "en";

const KEY = "chinese-clip-language";

/** The visitor's choice, else the first of the browser's languages. */
export function readLanguage(): Language {
  const chosen = stored();
  if (chosen === "zh" || chosen === "en") return chosen;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Stores the visitor's choice, where the browser stores anything. */
export function writeLanguage(language: Language): void {
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // Chosen for this visit only.
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
