/**
 * Scenes to images: an SVG of polygons, rasterised by sharp. Place, size, slant, mirroring and shades vary as in the training data.
 */
import sharp from "sharp";
import { type Part, partsOf, shade } from "./parts.js";
import type { Random } from "./random.js";
import type { Scene } from "./scene.js";
import { BACKGROUNDS, COLORS, type Rgb } from "./vocabulary.js";

const PLACES: Readonly<Record<Scene["count"], readonly (readonly [x: number, y: number])[]>> = {
  1: [[0, 0]],
  2: [
    [-0.5, 0],
    [0.5, 0],
  ],
  3: [
    [-0.5, 0.42],
    [0.5, 0.42],
    [0, -0.48],
  ],
  4: [
    [-0.5, -0.5],
    [0.5, -0.5],
    [-0.5, 0.5],
    [0.5, 0.5],
  ],
};

/** An image's size in pixels, of the shapes in the training data. */
export function randomSize(random: Random): { readonly width: number; readonly height: number } {
  const width = random.choice([64, 80, 96, 128, 160]);
  const height = Math.max(48, Math.trunc(width * random.choice([1, 1, 1, 0.75, 1.33, 0.6, 1.5])));
  return { width, height };
}

/** A scene as SVG. */
export function renderSvg(scene: Scene, random: Random, width: number, height: number): string {
  const background = vary(random.choice<Rgb>(BACKGROUNDS[scene.background]), 4, random);
  const shapes = [`<rect width="${width}" height="${height}" fill="${css(background)}"/>`];
  if (random.next() < 0.25) {
    const top = Math.trunc(height * random.uniform(0.75, 0.92));
    shapes.push(`<rect y="${top}" width="${width}" height="${height - top}" fill="${css(shade(background, random.uniform(0.8, 0.95)))}"/>`);
  }
  const base = random.choice<Rgb>(COLORS[scene.color]);
  const scale = randomScale(scene, random);
  for (const [x, y] of PLACES[scene.count]) {
    const color = vary(base, 9, random);
    const room = (1 - scale) * 0.8;
    const dx = scene.count === 1 ? random.uniform(-room, room) : x + random.uniform(-0.06, 0.06);
    const dy = scene.count === 1 ? random.uniform(-room, room) : y + random.uniform(-0.06, 0.06);
    const place = placement(random, scale, { width, height, dx, dy });
    shapes.push(...partsOf(scene.thing, color, random).map((part) => polygon(part, place, background)));
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join("")}</svg>`;
}

/** A scene as a PNG or JPEG file's bytes. */
export async function renderImage(scene: Scene, random: Random, format: "png" | "jpeg" = "png"): Promise<Buffer> {
  const { width, height } = randomSize(random);
  const image = sharp(Buffer.from(renderSvg(scene, random, width, height))).flatten();
  return format === "png" ? image.png().toBuffer() : image.jpeg({ quality: 92 }).toBuffer();
}

function randomScale(scene: Scene, random: Random): number {
  if (scene.count > 1) return random.uniform(0.34, 0.44);
  if (scene.size === "大") return random.uniform(0.82, 0.96);
  return scene.size === "小" ? random.uniform(0.28, 0.4) : random.uniform(0.45, 0.8);
}

type Placement = (x: number, y: number) => string;

/** Where a thing's points come to lie, in pixels: stretched, mirrored, slanted, moved. */
function placement(
  random: Random,
  scale: number,
  { width, height, dx, dy }: { readonly width: number; readonly height: number; readonly dx: number; readonly dy: number },
): Placement {
  const angle = (random.uniform(-14, 14) * Math.PI) / 180;
  const flip = random.choice([-1, 1]);
  const [scaleX, scaleY] = [scale * random.uniform(0.9, 1.08), scale * random.uniform(0.9, 1.08)];
  const half = Math.min(width, height) / 2;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return (x, y) => {
    const [sx, sy] = [x * flip * scaleX, y * scaleY];
    const px = width / 2 + (sx * cos - sy * sin) * half + (dx * width) / 2;
    const py = height / 2 + (sx * sin + sy * cos) * half + (dy * height) / 2;
    return `${px.toFixed(2)},${py.toFixed(2)}`;
  };
}

function polygon({ points, fill }: Part, place: Placement, background: Rgb): string {
  const corners = points.map(([x, y]) => place(x, y)).join(" ");
  return `<polygon points="${corners}" fill="${css(fill === "background" ? background : fill)}"/>`;
}

function vary(color: Rgb, by: number, random: Random): Rgb {
  const one = (value: number): number => Math.max(0, Math.min(255, value + random.integer(-by, by)));
  return [one(color[0]), one(color[1]), one(color[2])];
}

function css([red, green, blue]: Rgb): string {
  return `rgb(${red},${green},${blue})`;
}
