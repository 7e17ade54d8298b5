/** Made by `page-plugin.ts` when the package is built. */
declare module "search-page:files" {
  export const FILES: Readonly<Record<string, { readonly contentType: string; readonly body: string; readonly isImmutable: boolean }>>;
}
