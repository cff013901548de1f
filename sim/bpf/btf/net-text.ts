/** Network addresses as people write them, to bytes in network order. Each function answers null for text of another form. */

/** Dotted decimal, four parts without leading zeros: `10.0.0.1`. */
export function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const out = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!;
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    out[i] = Number(part);
  }
  return out;
}

/** RFC 4291 section 2.2, all three forms: `2001:db8::1`, `::`, `::ffff:10.0.0.1`. No zone. */
export function parseIpv6(text: string): Uint8Array | null {
  if (!text.includes(":")) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const out = new Uint8Array(16);
  all.forEach((group, i) => {
    out[2 * i] = group >>> 8;
    out[2 * i + 1] = group & 0xff;
  });
  return out;
}

function groups(text: string, dottedEnd: boolean): number[] | null {
  if (text === "") return [];
  const out: number[] = [];
  const parts = text.split(":");
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (dottedEnd && i === parts.length - 1 && part.includes(".")) {
      const v4 = parseIpv4(part);
      if (v4 === null) return null;
      out.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      out.push(Number.parseInt(part, 16));
    } else {
      return null;
    }
  }
  return out;
}

/** Six bytes in hex, separated by `:` or `-`. */
export function parseMac(text: string): Uint8Array | null {
  if (!/^[0-9a-fA-F]{1,2}([:-][0-9a-fA-F]{1,2}){5}$/.test(text)) return null;
  return Uint8Array.from(text.split(/[:-]/), (part) => Number.parseInt(part, 16));
}

/** `10.0.0.0/8`, `2001:db8::/32`; without a slash the prefix is the whole address. */
export function parsePrefix(text: string): { readonly address: Uint8Array; readonly length: number } | null {
  const slash = text.indexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  const address = parseIpv4(host) ?? parseIpv6(host);
  if (address === null) return null;
  const bits = address.length * 8;
  if (slash < 0) return { address, length: bits };
  const length = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) return null;
  return { address, length: Number(length) };
}
