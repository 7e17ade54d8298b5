export { cosine, dot, dotAt, meanDirection, norm, normalize, softmax, weightedSum } from "@chinese-clip/pipeline/vectors";
export { type DuplicateCandidate, type DuplicateMeta, type KeepReason } from "./duplicates/duplicate-image.js";
export {
  type Duplicate,
  type DuplicateGroup,
  type DuplicateOptions,
  type DuplicateReport,
  type DuplicateTier,
  findDuplicates,
} from "./duplicates/find-duplicates.js";
export { pixelDifference, type Pixels, SAME_PIXELS, sameByPixels } from "./duplicates/pixel-difference.js";
export { describeRows, type FeatureLine, type OnRows, searchFeatureLines } from "./gallery/feature-lines.js";
export { type Hit, hitOf, type RowMetadata } from "./gallery/hit.js";
export { formatNpy, parseNpy, type Rows } from "./npy/npy.js";
export { formatNpyHead, NPY_HEAD, type NpyHead, parseNpyHead } from "./npy/npy-head.js";
export { combine, parseQuery, type QueryPart } from "./query/query.js";
export { shardOf } from "./sharded/shard-of.js";
export { ShardedStore, type ShardedStoreOptions } from "./sharded/sharded-store.js";
export { SearchError, type SearchErrorCode, type SearchErrorDetails } from "./search-error.js";
export { type FieldCondition, type Filter, type FilterField, type FilterValue, matchesFilter, parseFilter } from "./store/filter.js";
export { type FieldKind, parseFilterText } from "./store/filter-text.js";
export { MemoryStore } from "./store/memory-store.js";
export {
  checkFingerprint,
  checkItems,
  checkLimits,
  checkVector,
  cutRelative,
  type MissingPart,
  type StoreHit,
  type StoreInfo,
  type StoreItem,
  type StoreQuery,
  type VectorStore,
} from "./store/vector-store.js";
export { RowScorer } from "./top-k/score-kernel.js";
export { topK } from "./top-k/top-k.js";
export { type FoundRow, scoreRows, TopRows } from "./top-k/top-rows.js";
