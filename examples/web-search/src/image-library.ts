/**
 * The index, in the browser's database: of each model the images that it has embedded, as a preview, a vector and a few facts. The images
 * themselves stay where they are.
 */
import type { ImageDetails } from "@chinese-clip/search-page";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** What is known of an image's file; images of earlier versions of the page have less. */
export interface FileFacts {
  /** Relative to the folder that was picked. */
  readonly path?: string | undefined;
  readonly bytes?: number | undefined;
  /** Milliseconds since 1970. */
  readonly modifiedAt?: number | undefined;
  /** As displayed. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** An image in the index. */
export interface LibraryImage extends FileFacts {
  /** SHA-256 of its file, in hexadecimal. */
  readonly id: string;
  /** Name of its file. */
  readonly name: string;
  /** An address of its preview, as long as the page lives. */
  readonly thumbnailUrl: string;
  /** L2 norm 1. */
  readonly embedding: Float32Array<ArrayBuffer>;
}

/** What the page shows of an image. */
export function detailsOf({ id, name, path, bytes, modifiedAt, width, height }: LibraryImage): ImageDetails {
  return { id, name, path, bytes, modifiedAt, width, height };
}

/** An image as it is stored. */
interface StoredImage extends Omit<LibraryImage, "thumbnailUrl"> {
  /** The model that made the vector. */
  readonly model: string;
  readonly thumbnail: Blob;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
}

// The names are of the first version: visitors' databases have them.
interface LibrarySchema extends DBSchema {
  pictures: { key: [model: string, id: string]; value: StoredImage; indexes: { byTime: [model: string, addedAt: number] } };
}

/** The images of all models. */
export class ImageLibrary {
  readonly #database: IDBPDatabase<LibrarySchema>;

  private constructor(database: IDBPDatabase<LibrarySchema>) {
    this.#database = database;
  }

  /** @throws DOMException - the browser stores nothing for this page. */
  static async open(): Promise<ImageLibrary> {
    const database = await openDB<LibrarySchema>("chinese-clip-web-search", 1, {
      upgrade: (created) => created.createObjectStore("pictures", { keyPath: ["model", "id"] }).createIndex("byTime", ["model", "addedAt"]),
    });
    return new ImageLibrary(database);
  }

  /** A model's images, in the order in which they were added. */
  async read(model: string): Promise<LibraryImage[]> {
    const stored = await this.#database.getAllFromIndex("pictures", "byTime", IDBKeyRange.bound([model], [model, []]));
    return stored.map(shown);
  }

  /** Adds an image to a model's index. */
  async add(model: string, image: Omit<StoredImage, "model" | "addedAt">): Promise<LibraryImage> {
    const stored = { ...image, model, addedAt: Date.now() };
    await this.#database.put("pictures", stored);
    return shown(stored);
  }

  /** Removes one image of a model. */
  async remove(model: string, id: string): Promise<void> {
    await this.#database.delete("pictures", [model, id]);
  }

  /** Removes all images of a model. */
  async clear(model: string): Promise<void> {
    await this.#database.delete("pictures", IDBKeyRange.bound([model], [model, []]));
  }
}

function shown({ model: _model, thumbnail, addedAt: _addedAt, ...image }: StoredImage): LibraryImage {
  return { ...image, thumbnailUrl: URL.createObjectURL(thumbnail) };
}
