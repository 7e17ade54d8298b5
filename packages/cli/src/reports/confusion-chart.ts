/**
 * A confusion matrix as SVG: a row for each class, a column for each prediction, a cell's shade the share of the row's images. What is right
 * lies on the diagonal, in one colour; mistakes have another, so that a few of them are seen in a large matrix.
 */
import type { ZeroShotScores } from "@chinese-clip/evaluation";

/** Classes beyond which a cell is a few pixels and has neither label nor number. */
const MOST_LABELLED = 60;

const INK = "#2a2723";
const SOFT = "#8a8378";
const RIGHT = "#2f6f5e";
const WRONG = "#c8402f";
const FONT = `system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif`;

/** Text as it may stand in HTML or XML, in quotes too. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** How wide a label is, in ems: Chinese characters are as wide as high. */
function widthOf(text: string): number {
  return Array.from(text).reduce((sum, character) => sum + ((character.codePointAt(0) ?? 0) > 0x2e7f ? 1 : 0.58), 0);
}

/** The matrix as an SVG document, which stands alone or inside HTML. */
export function formatConfusionChart({ confusion, perClass }: ZeroShotScores, labels: readonly string[]): string {
  const count = labels.length;
  const labelled = count <= MOST_LABELLED;
  const cell = labelled ? (count <= 30 ? 26 : 16) : Math.max(2, Math.floor(900 / count));
  const font = cell >= 26 ? 13 : 10;
  const margin = labelled
    ? Math.ceil(
        Math.min(
          14,
          labels.reduce((width, label) => Math.max(width, widthOf(label)), 0),
        ) * font,
      ) + 14
    : 12;
  const top = margin + 22;
  const left = margin + 22;
  const size = count * cell;
  const cells = confusion.flatMap((row, target) =>
    Array.from(row, (images, predicted) => ({ images, target, predicted })).filter(({ images }) => images > 0),
  );
  const shapes = cells.map(({ images, target, predicted }) => {
    const total = perClass[target]?.images ?? images;
    const share = images / total;
    const [x, y] = [left + predicted * cell, top + target * cell];
    const title = `${labels[target] ?? ""} → ${labels[predicted] ?? ""}: ${images} / ${total}`;
    // A single mistake among many must still be seen: shades start at a third.
    const opacity = (0.3 + 0.7 * share).toFixed(3);
    const fill = target === predicted ? RIGHT : WRONG;
    const number =
      labelled && cell >= 16
        ? `<text x="${x + cell / 2}" y="${y + cell / 2 + 3.5}" text-anchor="middle" font-size="${images > 999 ? 7 : 10}" fill="${share > 0.4 ? "#fff" : INK}">${images}</text>`
        : "";
    return `<g><title>${escapeMarkup(title)}</title><rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="${fill}" fill-opacity="${opacity}"/>${number}</g>`;
  });
  const names = labelled ? labels.flatMap((label, i) => axisLabels(label, { at: i * cell + cell / 2, left, top, font })) : [];
  const [width, height] = [left + size + 12, top + size + 12];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family='${FONT}' role="img">`,
    `<title>Confusion matrix</title>`,
    `<rect width="${width}" height="${height}" fill="#fffefb"/>`,
    `<text x="${left + size / 2}" y="16" text-anchor="middle" font-size="12" fill="${SOFT}">预测 predicted →</text>`,
    `<text transform="translate(16 ${top + size / 2}) rotate(-90)" text-anchor="middle" font-size="12" fill="${SOFT}">← 实际 actual</text>`,
    `<rect x="${left}" y="${top}" width="${size}" height="${size}" fill="#f6f4ef"/>`,
    ...(labelled ? gridLines(count, cell, left, top) : []),
    ...shapes,
    ...names,
    `</svg>`,
  ].join("\n");
}

function axisLabels(
  label: string,
  { at, left, top, font }: { readonly at: number; readonly left: number; readonly top: number; readonly font: number },
): string[] {
  const all = Array.from(label);
  const characters = widthOf(label) > 14 ? [...all.slice(0, 12), "…"] : all;
  const shown = escapeMarkup(characters.join(""));
  const style = `font-size="${font}" fill="${INK}"`;
  const x = left + at;
  // Chinese stands upright, one character under the other; other scripts lie on their side.
  const above = /^[\p{Script=Han}…]+$/u.test(characters.join(""))
    ? `<text y="${top - 8 - characters.length * font * 1.05}" text-anchor="middle" ${style}>${characters
        .map((character) => `<tspan x="${x}" dy="${font * 1.05}">${character}</tspan>`)
        .join("")}</text>`
    : `<text transform="translate(${x + font * 0.36} ${top - 6}) rotate(-90)" ${style}>${shown}</text>`;
  return [`<text x="${left - 6}" y="${top + at + font * 0.36}" text-anchor="end" ${style}>${shown}</text>`, above];
}

function gridLines(count: number, cell: number, left: number, top: number): string[] {
  const size = count * cell;
  const lines = Array.from({ length: count + 1 }, (_, i) => `M${left + i * cell} ${top}v${size}M${left} ${top + i * cell}h${size}`);
  return [`<path d="${lines.join("")}" stroke="#e9e4d9" stroke-width="1" fill="none"/>`];
}
