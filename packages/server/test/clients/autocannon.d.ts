/** What the load test uses of autocannon, which has no declarations. */
declare module "autocannon" {
  interface Load extends Promise<{ readonly errors: number; readonly timeouts: number }> {
    on(event: "response", listener: (client: unknown, status: number, bytes: number, milliseconds: number) => void): this;
  }
  interface LoadOptions {
    readonly url: string;
    readonly method: "POST";
    readonly headers: Readonly<Record<string, string>>;
    readonly connections: number;
    readonly duration: number;
    readonly requests: readonly { readonly setupRequest: (request: object) => object }[];
  }
  function autocannon(options: LoadOptions): Load;
  export = autocannon;
}
