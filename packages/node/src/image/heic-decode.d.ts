/** `heic-decode` comes without types; what it gives is checked where it is loaded. */
declare module "heic-decode" {
  const decoder: unknown;
  export default decoder;
}
