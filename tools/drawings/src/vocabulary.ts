/**
 * What the demo checkpoint knows: the things, colours and backgrounds of its training data (`training/draw.py` beside the checkpoint).
 */

/** Red, green, blue in [0, 255]. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** A colour's name, without 色, to its shades. */
export const COLORS = {
  红: [
    [214, 39, 40],
    [230, 30, 45],
    [190, 25, 30],
  ],
  橙: [
    [255, 140, 0],
    [245, 125, 20],
    [255, 155, 40],
  ],
  黄: [
    [250, 215, 20],
    [255, 225, 60],
    [240, 200, 0],
  ],
  绿: [
    [40, 160, 60],
    [20, 140, 50],
    [70, 185, 70],
  ],
  蓝: [
    [30, 90, 210],
    [45, 110, 230],
    [20, 70, 180],
  ],
  紫: [
    [130, 60, 180],
    [150, 70, 200],
    [110, 40, 150],
  ],
  粉: [
    [255, 150, 185],
    [250, 130, 170],
    [255, 170, 200],
  ],
  棕: [
    [130, 80, 40],
    [115, 70, 35],
    [150, 95, 55],
  ],
  黑: [
    [25, 25, 25],
    [40, 40, 40],
    [10, 10, 15],
  ],
  灰: [
    [130, 130, 130],
    [150, 150, 150],
    [110, 112, 115],
  ],
} as const satisfies Readonly<Record<string, readonly Rgb[]>>;

/** A colour of {@link COLORS}. */
export type Color = keyof typeof COLORS;

/** A background's name to its shades. */
export const BACKGROUNDS = {
  白: [
    [255, 255, 255],
    [248, 248, 245],
    [252, 250, 248],
  ],
  浅蓝: [
    [200, 228, 250],
    [185, 220, 245],
  ],
  浅绿: [
    [205, 240, 205],
    [190, 232, 190],
  ],
  浅黄: [
    [255, 247, 205],
    [250, 240, 190],
  ],
} as const satisfies Readonly<Record<string, readonly Rgb[]>>;

/** A background of {@link BACKGROUNDS}. */
export type Background = keyof typeof BACKGROUNDS;

/** What a thing is called. */
export interface ThingNames {
  /** What it is counted with. */
  readonly measureWord: string;
  /** Other words for it that state no colour and no other thing. */
  readonly synonyms: readonly string[];
}

const named = (measureWord: string, ...synonyms: string[]): ThingNames => ({ measureWord, synonyms });

/** A thing to its names; the order is that of the classes. */
export const THINGS = {
  圆形: named("个", "圆", "圆圈"),
  正方形: named("个", "方块", "方形"),
  三角形: named("个", "三角"),
  星星: named("颗", "五角星", "星形"),
  心: named("颗", "爱心", "心形"),
  月亮: named("个", "弯月", "月牙"),
  太阳: named("个", "日头"),
  云: named("朵", "云朵"),
  房子: named("座", "房屋", "小屋"),
  树: named("棵", "大树", "树木"),
  花: named("朵", "花朵", "鲜花"),
  汽车: named("辆", "小汽车", "轿车"),
  帆船: named("艘", "小船", "船"),
  鱼: named("条", "小鱼"),
  猫: named("只", "小猫", "猫咪"),
  兔子: named("只", "小兔"),
  蝴蝶: named("只"),
  雨伞: named("把", "伞"),
  杯子: named("个", "茶杯", "水杯"),
  蘑菇: named("个", "小蘑菇"),
  气球: named("个"),
  苹果: named("个", "果子"),
  雪人: named("个", "小雪人"),
  火箭: named("枚", "飞船"),
} as const satisfies Readonly<Record<string, ThingNames>>;

/** A thing of {@link THINGS}. */
export type Thing = keyof typeof THINGS;

/** The things, in the order of the classes. */
export const THING_NAMES = Object.keys(THINGS) as Thing[];

/** The colours. */
export const COLOR_NAMES = Object.keys(COLORS) as Color[];

/** The backgrounds. */
export const BACKGROUND_NAMES = Object.keys(BACKGROUNDS) as Background[];
