/**
 * Curves as SVG: one axis to the right, one upwards, a line for each series with its name at its end. Colours are the page's CSS variables, so that the
 * chart follows it into the dark.
 */
import { escapeMarkup } from "./confusion-chart.js";

/** A curve. */
export interface Series {
  readonly name: string;
  /** Points from left to right. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** A CSS colour. */
  readonly color: string;
  /** Whether single points are marked, as where there are few. */
  readonly marked?: boolean;
}

/** What is drawn. */
export interface LineChart {
  readonly series: readonly Series[];
  /** The first and the last place on the axis to the right. */
  readonly domain: readonly [first: number, last: number];
  /** The lowest and the highest value; by default those of the series. */
  readonly range?: readonly [low: number, high: number] | undefined;
  /** How a value on the axis is written. */
  readonly format: (value: number) => string;
}

const [WIDTH, HEIGHT] = [560, 240];
const [LEFT, TOP, BOTTOM] = [52, 12, 26];
/** Room at the right, for the series' names. */
const [NAMED, UNNAMED] = [96, 16];
/** Points of a curve; more are averaged. */
const MOST_POINTS = 400;

/** The chart as an SVG element; of series without a finite point, nothing but the axes. */
export function formatLineChart({ series, domain: [first, last], range, format }: LineChart): string {
  const curves = series.map((one) => ({ ...one, points: thin(one.points.filter(([, y]) => Number.isFinite(y))) }));
  const right = WIDTH - (series.some(({ name }) => name !== "") ? NAMED : UNNAMED);
  const [low, high] = range ?? padded(extremes(curves.flatMap((one) => one.points.map(([, y]) => y))));
  const x = (value: number): number => LEFT + ((value - first) / (last - first || 1)) * (right - LEFT);
  const y = (value: number): number => TOP + (1 - (value - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const parts = ticks(low, high, 4).map(
    (value) =>
      `<line class="grid" x1="${LEFT}" x2="${right}" y1="${at(y(value))}" y2="${at(y(value))}"/>` +
      `<text x="${LEFT - 8}" y="${at(y(value) + 4)}" text-anchor="end">${escapeMarkup(format(value))}</text>`,
  );
  for (const value of ticks(first, last, 5).filter(Number.isInteger))
    parts.push(`<text x="${at(x(value))}" y="${HEIGHT - 6}" text-anchor="middle">${value}</text>`);
  const labels = apart(curves.map(({ points: own }) => y(own.at(-1)?.[1] ?? low)));
  for (const [i, { name, color, points: own, marked }] of curves.entries()) {
    const style = `style="--curve:${color}"`;
    parts.push(`<polyline ${style} points="${own.map((point) => `${at(x(point[0]))},${at(y(point[1]))}`).join(" ")}"/>`);
    if (marked === true || own.length === 1)
      for (const point of own) parts.push(`<circle ${style} cx="${at(x(point[0]))}" cy="${at(y(point[1]))}" r="3"/>`);
    if (name !== "") parts.push(`<text class="name" ${style} x="${right + 8}" y="${at((labels[i] ?? 0) + 4)}">${escapeMarkup(name)}</text>`); // prettier-ignore
  }
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${parts.join("")}</svg>`;
}

/** What the chart's elements look like, for the page. */
export const LINE_CHART_STYLE = `
svg { display: block; width: 100%; height: auto; font-size: 12px; }
svg .grid { stroke: var(--line); }
svg text { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg polyline { fill: none; stroke: var(--curve); stroke-width: 1.8; stroke-linejoin: round; }
svg circle { fill: var(--curve); }
svg .name { fill: var(--curve); font-weight: 600; }
`;

/** At most so many points, each the mean of its neighbours. */
function thin(points: Series["points"]): Series["points"] {
  if (points.length <= MOST_POINTS) return points;
  const size = Math.ceil(points.length / MOST_POINTS);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, block) => {
    const part = points.slice(block * size, (block + 1) * size);
    return [part.at(-1)?.[0] ?? 0, part.reduce((sum, [, y]) => sum + y, 0) / part.length] as const;
  });
}

function extremes(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  return values.reduce<[number, number]>(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

function padded([low, high]: readonly [number, number]): [number, number] {
  const space = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return [low >= 0 ? Math.max(0, low - space) : low - space, high + space];
}

/** Round numbers between two, about so many. */
function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Heights of names, moved so that none lies on another. */
function apart(heights: readonly number[]): number[] {
  const order = heights.map((_, i) => i).toSorted((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0));
  const moved = [...heights];
  let before = -Infinity;
  for (const i of order) before = moved[i] = Math.max(moved[i] ?? 0, before + 15);
  const over = Math.max(0, before - (HEIGHT - BOTTOM));
  return moved.map((height) => height - over);
}

function at(value: number): string {
  return value.toFixed(1);
}
