/**
 * Numbers with units as a lab writes them: tc's own spelling and meaning (`kbit` bits, `kbps` bytes per second; sizes by 1024), and a
 * few that tc does not have (`min`, `pps`). A time without a unit is refused: tc means microseconds, people mean seconds.
 */
import { parseRate, parseSize, parseTime } from "../net/tc-units.ts";

/** `10ms`, `1.5s`, `2min`, `0`. @returns whole ns, or null */
export function parseDuration(text: string): number | null {
  const t = text.trim();
  if (/^[\d.]+$/.test(t)) return Number(t) === 0 ? 0 : null;
  const minutes = /^(\d+(?:\.\d+)?)\s*(min|m|h)$/.exec(t);
  const ns = minutes === null ? parseTime(t, 0) : Math.round(Number(minutes[1]) * (minutes[2] === "h" ? 3600e9 : 60e9));
  return ns !== null && Number.isSafeInteger(ns) ? ns : null;
}

/** `10gbit`, `125mbps`; a bare number is bits per second. @returns bits/s, a whole number, or null; never 0 */
export function parseBitRate(text: string): number | null {
  const bytes = parseRate(text);
  if (bytes === null || bytes === 0 || !Number.isSafeInteger(bytes * 8)) return null;
  return bytes * 8;
}

const PPS_SCALE: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };

/** `1000pps`, `10kpps`, `1.5mpps`, or a bit rate. @returns null for anything else and for 0 */
export function parseSourceRate(text: string): { readonly pps: number } | { readonly bps: number } | null {
  const m = /^(\d+(?:\.\d+)?)\s*([kmg]?)pps$/i.exec(text.trim());
  if (m !== null) {
    const pps = Number(m[1]) * PPS_SCALE[m[2]!.toLowerCase()]!;
    return pps > 0 && pps <= 1e9 ? { pps } : null;
  }
  if (!/[a-z]/i.test(text)) return null;
  const bps = parseBitRate(text);
  return bps === null ? null : { bps };
}

/** `1500`, `32k`, `1mb`. @returns whole bytes, or null */
export function parseBytes(text: string): number | null {
  const bytes = parseSize(text);
  return bytes !== null && Number.isSafeInteger(bytes) ? bytes : null;
}

/** `1%`, `0.5%`, or a fraction from 0 to 1 as tc reads a bare number. @returns the fraction, or null */
export function parseFraction(text: string): number | null {
  const m = /^(\d+(?:\.\d+)?|\.\d+)\s*(%?)$/.exec(text.trim());
  if (m === null) return null;
  const fraction = m[2] === "%" ? Number(m[1]) / 100 : Number(m[1]);
  return fraction <= 1 ? fraction : null;
}

/** A span of time as reports print it: three significant digits and the unit that fits. @unit ns */
export function formatDuration(ns: number): string {
  if (ns === 0) return "0";
  const scale: readonly [number, string][] = [
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "us"],
    [1, "ns"],
  ];
  const [divisor, unit] = scale.find(([d]) => ns >= d) ?? [1, "ns"];
  const value = ns / divisor;
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return `${text.includes(".") ? text.replace(/\.?0+$/, "") : text}${unit}`;
}
