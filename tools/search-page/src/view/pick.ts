/**
 * Buttons that ask for files.
 */
import { html, type TemplateResult } from "lit-html";

/** The files that an `<input type="file">` has just been given; it then forgets them, so that the same may be picked again. */
export function pickedFiles({ currentTarget }: Event): File[] {
  const input = currentTarget as HTMLInputElement;
  const files = [...(input.files ?? [])];
  input.value = "";
  return files;
}

/** A button that asks for a folder, or for any number of images. */
export function pickButton(
  { name, label, icon, isFolder, isMain = false, isDisabled = false }: PickButton,
  onPick: (files: File[]) => void,
): TemplateResult {
  return html`<label class="button ${isMain ? "main" : ""}" ?data-disabled=${isDisabled}>
    ${icon} ${label}
    <input
      type="file"
      class="visually-hidden"
      name=${name}
      multiple
      ?webkitdirectory=${isFolder}
      accept=${isFolder ? "" : "image/*"}
      ?disabled=${isDisabled}
      @change=${(event: Event) => {
        const files = pickedFiles(event);
        if (files.length > 0) onPick(files);
      }}
    />
  </label>`;
}

interface PickButton {
  readonly name: string;
  readonly label: string;
  readonly icon: unknown;
  readonly isFolder: boolean;
  readonly isMain?: boolean;
  readonly isDisabled?: boolean;
}
