export { readImageTsv, type TsvImage } from "./cn-clip/image-tsv.js";
export { readFeatures } from "./cn-clip/read-features.js";
export { type NumberedLine, missingFile, readLines } from "./files/read-lines.js";
export { readText } from "./files/read-text.js";
export { writeWhole } from "./files/write-whole.js";
export * from "./formats/index.js";
export { ImageIndex, openImageIndex } from "./image-index/image-index.js";
export type { ImageIndexOptions, IndexSyncOptions, IndexWatchOptions } from "./image-index/image-index-options.js";
export type { ImageIndexSettings } from "./image-index/index-record.js";
export { type ImageFolder, type LabelledImage, readImageFolder } from "./images/image-folder.js";
export { IMAGE_EXTENSIONS, imageInput, imageInputs, isFolder, listImages } from "./images/list-images.js";
export { type ImageSize, imageSize } from "./images/image-size.js";
export { type FilePath, SkippedFiles } from "./images/walk-folder.js";
export { type EmbedRequest, embedItems, type EmbedSummary, type FailedImage, IMAGES_PER_RUN } from "./output/embed-items.js";
export type { DatasetEmbedder, ImageResult, RecordedEmbedder } from "./output/embedder.js";
export { type FeatureOutput, type FeatureRow, openJsonlOutput, openNpyOutput, type RowNames } from "./output/feature-output.js";
export {
  checkFeaturesOf,
  checkSameRecord,
  type ModelRecord,
  readRecord,
  recordFile,
  type Tower,
  writeRecord,
} from "./output/model-record.js";
export {
  findShards,
  type LoadableShards,
  type LoadOptions,
  type LoadProgress,
  loadShards,
  type LoadSummary,
  type UnfinishedShard,
} from "./load/load-shards.js";
export { lockOutput } from "./output/output-lock.js";
export { type Shard, shardFile } from "./output/shard.js";
export { FilePlacer, type Placement, type PlacementOptions } from "./placement/file-placer.js";
export { folderName, folderNames } from "./placement/folder-name.js";
export { type MovedImage, recordMoves } from "./placement/record-moves.js";
export {
  embedShard,
  type EmbedShardOptions,
  type FailedItem,
  type ShardEmbedder,
  type ShardLimits,
  type ShardProgress,
  type ShardSummary,
} from "./shards/embed-shard.js";
export { type FileStore, folderStore, readStored, type StoreCall, type StoredFile } from "./store/file-store.js";
export {
  checkShard,
  type ExpectedShard,
  type FileDigest,
  MOST_TABLE_BYTES,
  readShardRecord,
  type ShardFiles,
  shardFiles,
  type ShardRecord,
  type ShardSettings,
  type ShardState,
} from "./shards/shard-files.js";
export { type Manifest, type ManifestSummary, openManifest, parseShard, writeManifest } from "./shards/manifest.js";
export { findImages } from "./sources/find-images.js";
export { type EmbedItem, folderImages, jsonlTexts, listedImages, tsvImages } from "./sources/items.js";
export { listedFiles } from "./sources/list-file.js";
export { openSource, type SourceOptions } from "./sources/open-source.js";
export type { ParquetColumns } from "./sources/parquet-source.js";
export type { AccessOptions } from "./sources/locations.js";
export type { FetchOptions } from "./sources/fetch-images.js";
export { ParquetDecoder, type ParquetLimits, type ParquetReader, type ParquetRow } from "./parquet/parquet-reader.js";
export type { ParquetColumn } from "./parquet/parquet-messages.js";
export { type ByteFile, type ByteRange, memoryFile } from "./bytes/byte-file.js";
export type { HttpOptions } from "./bytes/http-file.js";
export type { NetworkOptions } from "./bytes/resumed.js";
export { withStaging } from "./shards/staging-folder.js";
export { openStore, type StoreOptions } from "./store/open-store.js";
export type { S3Options } from "./store/s3-client.js";
export { s3Store, type S3StoreOptions } from "./store/s3-store.js";
export type {
  DataSource,
  JsonObject,
  JsonValue,
  ListOptions,
  SourceFault,
  SourceItem,
  SourceSample,
  SourceShard,
} from "./sources/source.js";
export type { ImageMeta } from "./sync/folder-file.js";
export { syncFolder, type SyncOptions, type ThumbnailOptions } from "./sync/sync-folder.js";
export type { SyncEmbedder, SyncEvent, SyncSummary } from "./sync/sync-types.js";
