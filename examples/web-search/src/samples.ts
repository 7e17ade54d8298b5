/**
 * Drawings for visitors who have no images at hand: of the kind that the demo model knows, each called by what is on it.
 */

const ADDRESSES = import.meta.glob<string>(["../../pictures/*.{png,jpg,webp}", "../samples/*.jpg"], {
  query: "?url&no-inline",
  import: "default",
  eager: true,
});

const CAPTIONS = import.meta.glob<readonly { readonly file: string; readonly caption: string }[]>(
  ["../../pictures/pictures.json", "../samples/pictures.json"],
  { import: "default", eager: true },
);

/** A sample image that cannot be fetched. */
export class SampleError extends Error {
  readonly code = "sample";
}

/** The drawings, as if the visitor had picked them. @throws SampleError - one of them cannot be fetched. */
export function fetchSamples(): Promise<File[]> {
  const captions = new Map(
    Object.values(CAPTIONS)
      .flat()
      .map(({ file, caption }) => [file, caption]),
  );
  return Promise.all(
    Object.entries(ADDRESSES).map(async ([path, address]) => {
      const response = await fetch(address).catch((cause: unknown) => {
        throw new SampleError(`${address}: could not be fetched`, { cause });
      });
      if (!response.ok) throw new SampleError(`${address}: expected an image, got HTTP ${response.status}`);
      const blob = await response.blob();
      const name = path.split("/").at(-1) ?? "";
      return new File([blob], `${captions.get(name) ?? name}${/\.\w+$/u.exec(name)?.[0] ?? ""}`, { type: blob.type });
    }),
  );
}
