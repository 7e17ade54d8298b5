/**
 * The index, in the browser's database: of each model the pictures that it has embedded, as a preview and a vector. The pictures themselves
 * stay where they are.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** A picture in the index. */
export interface Picture {
  /** SHA-256 of its file, in hexadecimal. */
  readonly id: string;
  /** Of its file. */
  readonly name: string;
  /** An address of its preview, as long as the page lives. */
  readonly thumbnailUrl: string;
  /** Of norm 1. */
  readonly embedding: Float32Array<ArrayBuffer>;
}

/** A picture as it is kept. */
interface KeptPicture extends Omit<Picture, "thumbnailUrl"> {
  /** Which model the vector is of. */
  readonly model: string;
  readonly thumbnail: Blob;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
}

interface LibrarySchema extends DBSchema {
  pictures: { key: [model: string, id: string]; value: KeptPicture; indexes: { byTime: [model: string, addedAt: number] } };
}

/** The pictures of all models. */
export class PictureLibrary {
  readonly #database: IDBPDatabase<LibrarySchema>;

  private constructor(database: IDBPDatabase<LibrarySchema>) {
    this.#database = database;
  }

  /** @throws DOMException - the browser keeps nothing for this page. */
  static async open(): Promise<PictureLibrary> {
    const database = await openDB<LibrarySchema>("chinese-clip-web-search", 1, {
      upgrade: (created) => created.createObjectStore("pictures", { keyPath: ["model", "id"] }).createIndex("byTime", ["model", "addedAt"]),
    });
    return new PictureLibrary(database);
  }

  /** A model's pictures, in the order in which they were added. */
  async read(model: string): Promise<Picture[]> {
    const kept = await this.#database.getAllFromIndex("pictures", "byTime", IDBKeyRange.bound([model], [model, []]));
    return kept.map(shown);
  }

  /** Adds a picture to a model's index. */
  async add(model: string, picture: Omit<KeptPicture, "model" | "addedAt">): Promise<Picture> {
    const kept = { ...picture, model, addedAt: Date.now() };
    await this.#database.put("pictures", kept);
    return shown(kept);
  }

  /** Forgets one picture of a model. */
  async remove(model: string, id: string): Promise<void> {
    await this.#database.delete("pictures", [model, id]);
  }

  /** Forgets all pictures of a model. */
  async clear(model: string): Promise<void> {
    await this.#database.delete("pictures", IDBKeyRange.bound([model], [model, []]));
  }
}

function shown({ id, name, thumbnail, embedding }: KeptPicture): Picture {
  return { id, name, embedding, thumbnailUrl: URL.createObjectURL(thumbnail) };
}
