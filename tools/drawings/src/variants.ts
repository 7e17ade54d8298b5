/**
 * What happens to an image on its way through cameras, chats and editors: the same image in other bytes, parts of it, and images that only look like it.
 * The truth that duplicates are searched against.
 */
import sharp, { type Sharp } from "sharp";
import { Random } from "./random.js";
import { renderSvg } from "./render.js";
import type { Scene } from "./scene.js";
import { COLOR_NAMES } from "./vocabulary.js";

/** What a variant is to its image: the same one in other bytes, a part of it, or another one of the same things. */
export type VariantKind = "same" | "crop" | "other";

/** An image made of another. */
export interface Variant {
  /** Such as `jpeg-50`. */
  readonly name: string;
  readonly kind: VariantKind;
  readonly bytes: Buffer;
  readonly extension: "jpg" | "png" | "webp";
}

const SIZES = [
  [640, 480],
  [480, 640],
  [512, 512],
  [800, 533],
] as const;

/**
 * A scene as an image of some hundred pixels, with its variants; the first one is the original.
 *
 * @param seed - the same one gives the same bytes.
 */
export async function makeVariants(scene: Scene, seed: number): Promise<Variant[]> {
  const [width, height] = SIZES[seed % SIZES.length] ?? SIZES[0];
  const draw = (drawn: Scene, from: number): Sharp => sharp(Buffer.from(renderSvg(drawn, new Random(from), width, height))).flatten();
  const original = await draw(scene, seed).png().toBuffer();
  const jpeg = (name: string, kind: VariantKind, image: Sharp, quality = 90): Promise<Variant> =>
    image
      .jpeg({ quality })
      .toBuffer()
      .then((bytes) => ({ name, kind, bytes, extension: "jpg" as const }));
  const scaled = (share: number): Sharp => sharp(original).resize(Math.round(width * share));
  const cropped = (percent: number): Sharp => {
    const [left, top] = [Math.round((width * percent) / 200), Math.round((height * percent) / 200)];
    return sharp(original).extract({ left, top, width: width - 2 * left, height: height - 2 * top });
  };
  const turned = sharp(await sharp(original).rotate(270).png().toBuffer()).withMetadata({ orientation: 6 });
  const spot = `<svg width="${width}" height="${height}"><rect x="${width * 0.15}" y="${height * 0.15}" width="${height * 0.11}" height="${height * 0.11}" fill="red"/></svg>`;
  const otherColor = COLOR_NAMES[(COLOR_NAMES.indexOf(scene.color) + 1 + (seed % (COLOR_NAMES.length - 1))) % COLOR_NAMES.length];
  return [
    { name: "original", kind: "same", bytes: original, extension: "png" },
    await jpeg("jpeg-92", "same", sharp(original), 92),
    await jpeg("jpeg-50", "same", sharp(original), 50),
    await jpeg("jpeg-20", "same", sharp(original), 20),
    { name: "webp-60", kind: "same", bytes: await sharp(original).webp({ quality: 60 }).toBuffer(), extension: "webp" },
    await jpeg("half", "same", scaled(0.5)),
    await jpeg("quarter", "same", scaled(0.25)),
    await jpeg("exif-turned", "same", turned),
    await jpeg("crop-5", "crop", cropped(5)),
    await jpeg("crop-10", "crop", cropped(10)),
    await jpeg("crop-20", "crop", cropped(20)),
    await jpeg("other-color", "other", draw({ ...scene, color: otherColor ?? scene.color }, seed)),
    await jpeg("drawn-again", "other", draw(scene, seed + 1_000_003)),
    await jpeg("drawn-differently", "other", draw(scene, seed + 2_000_003)),
    await jpeg("with-a-spot", "other", sharp(original).composite([{ input: Buffer.from(spot) }])),
  ];
}
