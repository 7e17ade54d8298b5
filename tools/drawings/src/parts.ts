/**
 * The things as polygons in [-1, 1]^2, y downwards, drawn one over the other: the same figures as in `training/draw.py`, from which the
 * demo checkpoint learned them.
 */
import type { Random } from "./random.js";
import type { Rgb, Thing } from "./vocabulary.js";

/** A corner. */
export type Point = readonly [x: number, y: number];

/** One polygon of a thing. */
export interface Part {
  readonly points: readonly Point[];
  /** Its colour, or the background's, for a hole. */
  readonly fill: Rgb | "background";
}

interface Palette {
  readonly color: Rgb;
  readonly dark: Rgb;
  readonly light: Rgb;
  /** Lines and eyes: dark on most colours, light on the darkest. */
  readonly line: Rgb;
  readonly random: Random;
}

const WHITE: Rgb = [250, 250, 250];
const BLACK: Rgb = [35, 35, 35];
const PUPIL: Rgb = [10, 10, 10];
const SKIN: Rgb = [240, 140, 150];

/** The colour darkened by a factor below 1, or moved towards white by what the factor has above 1. */
export function shade(color: Rgb, factor: number): Rgb {
  const one = (value: number): number =>
    Math.max(0, Math.min(255, Math.trunc(factor <= 1 ? value * factor : value + (255 - value) * (factor - 1))));
  return [one(color[0]), one(color[1]), one(color[2])];
}

/** Part of an ellipse's rim, degrees clockwise from the right. */
function ellipse(cx: number, cy: number, rx: number, ry: number, from = 0, to = 360): Point[] {
  const steps = 40;
  return Array.from({ length: steps + 1 }, (_, i): Point => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  });
}

function box(x0: number, y0: number, x1: number, y1: number): Point[] {
  return [
    [x0, y0],
    [x1, y0],
    [x1, y1],
    [x0, y1],
  ];
}

const part = (fill: Part["fill"], points: readonly Point[]): Part => ({ points, fill });
const turns = (count: number): number[] => Array.from({ length: count }, (_, i) => (2 * Math.PI * i) / count);

const DRAW: Readonly<Record<Thing, (palette: Palette) => Part[]>> = {
  圆形: ({ color }) => [part(color, ellipse(0, 0, 0.9, 0.9))],
  正方形: ({ color }) => [part(color, box(-0.82, -0.82, 0.82, 0.82))],
  三角形: ({ color }) => [
    part(color, [
      [0, -0.9],
      [0.95, 0.8],
      [-0.95, 0.8],
    ]),
  ],
  星星: ({ color, random }) => {
    const inner = random.uniform(0.36, 0.44);
    const corners = Array.from({ length: 10 }, (_, i): Point => {
      const radius = i % 2 === 0 ? 0.98 : inner;
      return [radius * Math.sin((Math.PI * i) / 5), -radius * Math.cos((Math.PI * i) / 5)];
    });
    return [part(color, corners)];
  },
  心: ({ color }) => [
    part(
      color,
      turns(60).map((t) => [
        0.058 * 16 * Math.sin(t) ** 3,
        -0.058 * (13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t)),
      ]),
    ),
  ],
  月亮: ({ color }) => [part(color, [...ellipse(0, 0, 0.9, 0.9, 60, 300), ...ellipse(0.42, 0, 0.66, 0.78, 92, 268).reverse()])],
  太阳: ({ color, random }) => [
    part(color, ellipse(0, 0, 0.52, 0.52)),
    ...turns(random.choice([8, 10, 12])).map((angle) =>
      part(color, [
        [0.6 * Math.cos(angle - 0.12), 0.6 * Math.sin(angle - 0.12)],
        [0.98 * Math.cos(angle), 0.98 * Math.sin(angle)],
        [0.6 * Math.cos(angle + 0.12), 0.6 * Math.sin(angle + 0.12)],
      ]),
    ),
  ],
  云: ({ color }) => [
    part(color, ellipse(-0.45, 0.15, 0.45, 0.4)),
    part(color, ellipse(0.05, -0.15, 0.5, 0.5)),
    part(color, ellipse(0.52, 0.15, 0.42, 0.38)),
    part(color, box(-0.5, 0.1, 0.55, 0.53)),
  ],
  房子: ({ color, dark, light, line }) => [
    part(color, box(-0.7, -0.1, 0.7, 0.9)),
    part(dark, [
      [-0.95, -0.1],
      [0, -0.95],
      [0.95, -0.1],
    ]),
    part(line, box(-0.15, 0.35, 0.2, 0.9)),
    part(light, box(-0.55, 0.1, -0.25, 0.4)),
  ],
  树: ({ color }) => [
    part([110, 72, 40], box(-0.14, 0.3, 0.14, 0.98)),
    part(color, ellipse(0, -0.1, 0.72, 0.62)),
    part(color, ellipse(-0.35, 0.1, 0.42, 0.38)),
    part(color, ellipse(0.35, 0.1, 0.42, 0.38)),
  ],
  花: ({ color, random }) => [
    part([50, 140, 60], box(-0.05, 0.1, 0.05, 0.98)),
    ...turns(random.choice([5, 6, 7])).map((angle) =>
      part(color, ellipse(0.4 * Math.cos(angle), -0.3 + 0.4 * Math.sin(angle), 0.27, 0.27)),
    ),
    part(color[2] > 100 || color[1] < 150 ? [255, 225, 90] : [150, 90, 30], ellipse(0, -0.3, 0.23, 0.23)),
  ],
  汽车: ({ color }) => [
    part(color, [
      [-0.55, -0.1],
      [-0.35, -0.5],
      [0.3, -0.5],
      [0.58, -0.1],
    ]),
    part(color, box(-0.95, -0.12, 0.95, 0.3)),
    part(WHITE, box(-0.32, -0.4, -0.03, -0.12)),
    part(WHITE, box(0.05, -0.4, 0.33, -0.12)),
    part([30, 30, 30], ellipse(-0.5, 0.32, 0.22, 0.22)),
    part([30, 30, 30], ellipse(0.5, 0.32, 0.22, 0.22)),
    part([200, 200, 200], ellipse(-0.5, 0.32, 0.09, 0.09)),
    part([200, 200, 200], ellipse(0.5, 0.32, 0.09, 0.09)),
  ],
  帆船: ({ color }) => [
    part(
      [120, 75, 40],
      [
        [-0.9, 0.4],
        [0.9, 0.4],
        [0.6, 0.85],
        [-0.6, 0.85],
      ],
    ),
    part([90, 60, 35], box(-0.05, -0.95, 0.03, 0.4)),
    part(color, [
      [0.08, -0.9],
      [0.8, 0.3],
      [0.08, 0.3],
    ]),
    part(color, [
      [-0.1, -0.65],
      [-0.65, 0.3],
      [-0.1, 0.3],
    ]),
  ],
  鱼: ({ color, dark }) => [
    part(color, ellipse(-0.1, 0, 0.68, 0.42)),
    part(color, [
      [0.45, 0],
      [0.95, -0.42],
      [0.95, 0.42],
    ]),
    part(WHITE, ellipse(-0.48, -0.1, 0.09, 0.09)),
    part(PUPIL, ellipse(-0.49, -0.1, 0.05, 0.05)),
    part(dark, [
      [-0.1, -0.38],
      [0.25, -0.68],
      [0.3, -0.3],
    ]),
  ],
  猫: ({ color, line }) => [
    part(color, [
      [-0.65, -0.9],
      [-0.72, -0.1],
      [-0.1, -0.45],
    ]),
    part(color, [
      [0.65, -0.9],
      [0.72, -0.1],
      [0.1, -0.45],
    ]),
    part(color, ellipse(0, 0.12, 0.74, 0.66)),
    part(WHITE, ellipse(-0.28, 0, 0.11, 0.13)),
    part(WHITE, ellipse(0.28, 0, 0.11, 0.13)),
    part(PUPIL, ellipse(-0.28, 0.02, 0.05, 0.09)),
    part(PUPIL, ellipse(0.28, 0.02, 0.05, 0.09)),
    part(SKIN, [
      [-0.08, 0.24],
      [0.08, 0.24],
      [0, 0.34],
    ]),
    part(line, box(-0.95, 0.26, -0.35, 0.29)),
    part(line, box(0.35, 0.26, 0.95, 0.29)),
    part(line, box(-0.9, 0.4, -0.35, 0.43)),
    part(line, box(0.35, 0.4, 0.9, 0.43)),
  ],
  兔子: ({ color }) => [
    part(color, ellipse(-0.28, -0.6, 0.16, 0.42)),
    part(color, ellipse(0.28, -0.6, 0.16, 0.42)),
    part([245, 180, 190], ellipse(-0.28, -0.58, 0.07, 0.28)),
    part([245, 180, 190], ellipse(0.28, -0.58, 0.07, 0.28)),
    part(color, ellipse(0, 0.25, 0.62, 0.58)),
    part(PUPIL, ellipse(-0.22, 0.12, 0.08, 0.1)),
    part(PUPIL, ellipse(0.22, 0.12, 0.08, 0.1)),
    part(SKIN, ellipse(0, 0.34, 0.08, 0.06)),
  ],
  蝴蝶: ({ color, dark, light }) => [
    part(color, ellipse(-0.48, -0.35, 0.42, 0.45)),
    part(color, ellipse(0.48, -0.35, 0.42, 0.45)),
    part(dark, ellipse(-0.38, 0.42, 0.32, 0.36)),
    part(dark, ellipse(0.38, 0.42, 0.32, 0.36)),
    part([50, 40, 40], ellipse(0, 0, 0.08, 0.7)),
    part(light, ellipse(-0.48, -0.35, 0.15, 0.17)),
    part(light, ellipse(0.48, -0.35, 0.15, 0.17)),
  ],
  雨伞: ({ color, dark }) => [
    part(color, ellipse(0, 0, 0.95, 0.85, 180, 360)),
    part(dark, ellipse(-0.63, 0, 0.32, 0.16, 180, 360)),
    part(dark, ellipse(0, 0, 0.32, 0.16, 180, 360)),
    part(dark, ellipse(0.63, 0, 0.32, 0.16, 180, 360)),
    part(BLACK, box(-0.04, -0.1, 0.04, 0.8)),
    part(BLACK, [...ellipse(0.14, 0.78, 0.18, 0.17, 0, 180), ...ellipse(0.14, 0.78, 0.1, 0.09, 0, 180).reverse()]),
  ],
  杯子: ({ color, light }) => [
    part(color, ellipse(0.6, 0, 0.35, 0.38)),
    part("background", ellipse(0.6, 0, 0.2, 0.22)),
    part(color, box(-0.65, -0.6, 0.55, 0.7)),
    part(light, box(-0.65, -0.6, 0.55, -0.45)),
  ],
  蘑菇: ({ color }) => [
    part(
      [240, 225, 200],
      [
        [-0.26, 0],
        [0.26, 0],
        [0.34, 0.9],
        [-0.34, 0.9],
      ],
    ),
    part(color, ellipse(0, 0.05, 0.92, 0.85, 180, 360)),
    part(WHITE, ellipse(-0.4, -0.3, 0.14, 0.12)),
    part(WHITE, ellipse(0.1, -0.5, 0.15, 0.13)),
    part(WHITE, ellipse(0.48, -0.22, 0.13, 0.11)),
  ],
  气球: ({ color, dark, light }) => [
    part(color, ellipse(0, -0.3, 0.58, 0.66)),
    part(dark, [
      [-0.1, 0.46],
      [0.1, 0.46],
      [0, 0.34],
    ]),
    part(BLACK, box(-0.02, 0.45, 0.02, 0.98)),
    part(light, ellipse(-0.2, -0.52, 0.12, 0.16)),
  ],
  苹果: ({ color }) => [
    part(color, ellipse(-0.28, 0.15, 0.52, 0.64)),
    part(color, ellipse(0.28, 0.15, 0.52, 0.64)),
    part([100, 65, 35], box(-0.05, -0.8, 0.05, -0.35)),
    part([60, 160, 60], ellipse(0.27, -0.68, 0.24, 0.11)),
  ],
  雪人: ({ color, line }) => [
    part(color, ellipse(0, 0.5, 0.52, 0.46)),
    part(color, ellipse(0, -0.12, 0.38, 0.34)),
    part(color, ellipse(0, -0.6, 0.28, 0.26)),
    part(BLACK, box(-0.3, -0.9, 0.3, -0.82)),
    part(BLACK, box(-0.19, -1, 0.19, -0.86)),
    part(line, ellipse(-0.1, -0.64, 0.045, 0.045)),
    part(line, ellipse(0.1, -0.64, 0.045, 0.045)),
    part(
      [250, 130, 20],
      [
        [0, -0.58],
        [0.26, -0.52],
        [0, -0.5],
      ],
    ),
    part(line, ellipse(0, -0.15, 0.05, 0.05)),
    part(line, ellipse(0, 0.05, 0.05, 0.05)),
  ],
  火箭: ({ color, dark }) => [
    part(color, [
      [0, -0.98],
      [0.3, -0.5],
      [0.3, 0.45],
      [-0.3, 0.45],
      [-0.3, -0.5],
    ]),
    part(dark, [
      [-0.3, 0.1],
      [-0.65, 0.6],
      [-0.3, 0.45],
    ]),
    part(dark, [
      [0.3, 0.1],
      [0.65, 0.6],
      [0.3, 0.45],
    ]),
    part([190, 230, 250], ellipse(0, -0.3, 0.14, 0.14)),
    part(
      [255, 150, 30],
      [
        [-0.2, 0.48],
        [0.2, 0.48],
        [0, 0.98],
      ],
    ),
    part(
      [255, 225, 80],
      [
        [-0.1, 0.48],
        [0.1, 0.48],
        [0, 0.75],
      ],
    ),
  ],
};

/** A thing in a colour, as polygons from back to front. */
export function partsOf(thing: Thing, color: Rgb, random: Random): Part[] {
  const veryDark = color[0] + color[1] + color[2] < 150;
  return DRAW[thing]({
    color,
    dark: veryDark ? [95, 95, 95] : shade(color, 0.6),
    light: shade(color, 1.45),
    line: veryDark ? [230, 230, 230] : BLACK,
    random,
  });
}
