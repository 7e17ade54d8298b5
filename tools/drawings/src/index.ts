/** Drawings for tests and for the demo checkpoint's numbers. */
export { type Caption, isTrueOf, randomCaption } from "./caption.js";
export { type Drawing, makeDrawings, type RetrievalFiles, writeRetrieval, writeZeroShot } from "./data-sets.js";
export { Random } from "./random.js";
export { renderImage, renderSvg } from "./render.js";
export { randomScene, type Scene } from "./scene.js";
export { makeVariants, type Variant, type VariantKind } from "./variants.js";
export { BACKGROUND_NAMES, COLOR_NAMES, THING_NAMES, THINGS } from "./vocabulary.js";
