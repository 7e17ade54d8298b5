/**
 * Quantities for people.
 */
import type { Language } from "./language.js";

/** A time: `8.1 ms`, `1.3 s`. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A number of bytes: `812 kB`, `8.1 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 999_500_000 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** A day and time by the camera's clock, which is not that of the visitor's zone: `2024-05-01T18:30:00+08:00` at half past six wherever it is read. */
export function formatTaken(iso: string, language: Language): string {
  const time = Date.parse(`${iso.slice(0, 19)}Z`);
  if (Number.isNaN(time)) return iso;
  return format(time, language, "UTC");
}

/** A time of the visitor's zone. @param time - milliseconds since 1970. */
export function formatTime(time: number, language: Language): string {
  return format(time, language, undefined);
}

/** Degrees as they are written on maps: `31.23040° N, 121.47370° E`. */
export function formatPlace(latitude: number, longitude: number): string {
  const part = (degrees: number, positive: string, negative: string): string =>
    `${Math.abs(degrees).toFixed(5)}° ${degrees < 0 ? negative : positive}`;
  return `${part(latitude, "N", "S")}, ${part(longitude, "E", "W")}`;
}

function format(time: number, language: Language, timeZone: string | undefined): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", {
    dateStyle: "medium",
    timeStyle: "short",
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(date);
}
