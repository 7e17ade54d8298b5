/**
 * The command's own messages in both languages: written in English where they are said, found in Chinese by that text in `messages-zh.ts`.
 */
import { MESSAGES_ZH } from "./messages-zh.js";

/** A text in the two languages of the command. */
export interface Bilingual {
  readonly en: string;
  readonly zh: string;
}

/** What a message is filled with: of a message its own text in each language. */
export type MessageValue = string | number | Bilingual | undefined;

/**
 * A message. In `messages-zh.ts` its values are `$1`, `$2` and so on, which a translation may put in another order.
 *
 * @returns both languages; English twice where there is no Chinese, which a test forbids.
 */
export function t(parts: TemplateStringsArray, ...values: readonly MessageValue[]): Bilingual {
  const key = parts.map((part, i) => (i === 0 ? part : `$${i}${part}`)).join("");
  const fill = (text: string, language: keyof Bilingual): string =>
    text.replace(/\$(\d)/g, (_, place: string) => {
      const value = values[Number(place) - 1];
      return typeof value === "object" ? value[language] : String(value ?? "");
    });
  return { en: fill(key, "en"), zh: fill(MESSAGES_ZH[key] ?? key, "zh") };
}

/** What comes from elsewhere and is the same in both languages, such as a reason that the system gives. */
export function untranslated(text: string): Bilingual {
  return { en: text, zh: text };
}

/** An error that the command itself raises; libraries raise theirs, in English. Its `message` is English. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";
  /** The message in Chinese. */
  readonly zh: string;

  constructor(message: Bilingual, options?: ErrorOptions) {
    super(message.en, options);
    this.zh = message.zh;
  }
}
