export {
  BackendError,
  type BackendErrorCode,
  type BackendInfo,
  DUPLICATE_TIERS,
  type DuplicateGroup,
  type DuplicatePage,
  type DuplicateTier,
  type FilterName,
  type ImageDetails,
  type ImageFilter,
  type ImageItem,
  type IndexInfo,
  type ResultPage,
  type ResultWindow,
  type SearchBackend,
  type SearchQuery,
  type SearchRequest,
} from "./backend.js";
export { mountSearchPage, type SearchPage } from "./mount-search-page.js";
export type { PageOptions, PageSlots, Slot, SlotContext, Suggestion } from "./page-options.js";
export { pathGlob } from "./path-glob.js";
export { baseName, shownName } from "./shown-name.js";
export type { PageController } from "./state/page-controller.js";
export { Store } from "./state/store.js";
export { closeIcon, folderIcon, imageIcon, plusIcon } from "./view/icons.js";
export { pickButton, pickedFiles } from "./view/pick.js";
export type { Explanation } from "./words/explain.js";
export { formatBytes, formatMs } from "./words/format.js";
export { type Language, readLanguage, writeLanguage } from "./words/language.js";
export type { Messages } from "./words/messages.js";
