/**
 * A plot of lines as SVG, small enough to be read as text: axes from zero, ticks, a legend. Nothing in it depends on fonts or scripts.
 */

/** One line of points. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** One pair of axes. */
export interface Panel {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const WIDTH = 420;
const HEIGHT = 300;
const MARGIN = { left: 58, right: 16, top: 34, bottom: 46 };
const COLORS = ["#1f6feb", "#d1242f", "#1a7f37", "#8250df"];
const STEPS = [1, 2, 2.5, 5, 10];

/** Ticks from 0 to at least `most`: four to six of them, at round numbers. */
export function ticks(most: number): number[] {
  if (!(most > 0 && Number.isFinite(most))) throw new RangeError(`ticks: expected a positive number, got ${most}`);
  const size = 10 ** Math.floor(Math.log10(most / 5));
  const step = (STEPS.find((factor) => factor * size * 5 >= most) ?? 10) * size;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** The panels beside each other, as one document. */
export function linePlot(panels: readonly Panel[]): string {
  const [width, height] = [WIDTH * panels.length, HEIGHT];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">
<rect width="${width}" height="${height}" fill="#fff"/>
${panels.map((panel, i) => `<g transform="translate(${i * WIDTH} 0)">\n${drawPanel(panel)}\n</g>`).join("\n")}
</svg>
`;
}

function drawPanel({ title, xLabel, yLabel, series }: Panel): string {
  const points = series.flatMap((line) => line.points);
  const [xTicks, yTicks] = [ticks(Math.max(...points.map(([x]) => x))), ticks(Math.max(...points.map(([, y]) => y)))];
  const [right, bottom] = [WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom];
  const xAt = (x: number): string => (MARGIN.left + (x / (xTicks.at(-1) ?? 1)) * (right - MARGIN.left)).toFixed(1);
  const yAt = (y: number): string => (bottom - (y / (yTicks.at(-1) ?? 1)) * (bottom - MARGIN.top)).toFixed(1);
  const middle = (MARGIN.top + bottom) / 2;
  return [
    `<text x="${(MARGIN.left + right) / 2}" y="18" text-anchor="middle" font-size="13">${escape(title)}</text>`,
    ...yTicks.map(
      (y) =>
        `<path d="M${MARGIN.left} ${yAt(y)}H${right}" stroke="#ddd"/><text x="${MARGIN.left - 6}" y="${yAt(y)}" dy="4" text-anchor="end">${y}</text>`,
    ),
    ...xTicks.map(
      (x) =>
        `<path d="M${xAt(x)} ${bottom}v4" stroke="#333"/><text x="${xAt(x)}" y="${bottom + 16}" text-anchor="middle">${x.toLocaleString("en")}</text>`,
    ),
    `<path d="M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}" fill="none" stroke="#333"/>`,
    `<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escape(xLabel)}</text>`,
    `<text transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${escape(yLabel)}</text>`,
    ...series.map(({ name, points: line }, i) => {
      const color = COLORS[i % COLORS.length] ?? "#333";
      const dots = line.map(([x, y]) => `<circle cx="${xAt(x)}" cy="${yAt(y)}" r="2.5" fill="${color}"/>`).join("");
      const path = `<polyline points="${line.map(([x, y]) => `${xAt(x)},${yAt(y)}`).join(" ")}" fill="none" stroke="${color}" stroke-width="1.5"/>`;
      return `${path}${dots}<text x="${MARGIN.left + 10}" y="${MARGIN.top + 14 * (i + 1)}" fill="${color}">${escape(name)}</text>`;
    }),
  ].join("\n");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
