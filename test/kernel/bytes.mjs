// Little builders of bytes, as lower-case hex, for packets and map contents.

/** Joins hex strings. */
export const cat = (...parts) => parts.join("");

const le = (value, bytes) => {
  let text = "";
  for (let i = 0; i < bytes; i++)
    text += Number((BigInt(value) >> BigInt(8 * i)) & 0xffn)
      .toString(16)
      .padStart(2, "0");
  return text;
};

export const u8 = (value) => le(value, 1);
/** Host order of the machine that eBPF runs on here: little-endian. */
export const u16 = (value) => le(value, 2);
export const u32 = (value) => le(value, 4);
export const u64 = (value) => le(value, 8);
/** Network order. */
export const be16 = (value) => value.toString(16).padStart(4, "0");
export const be32 = (value) => (value >>> 0).toString(16).padStart(8, "0");

export const zeros = (count) => "00".repeat(count);

/** `192.0.2.1` in network order. */
export const ip4 = (text) =>
  text
    .split(".")
    .map((part) => u8(part))
    .join("");

/** `2001:db8::1` in network order. */
export const ip6 = (text) => {
  const [head, tail] = text.split("::");
  const groups = (part) => (part ? part.split(":") : []);
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const middle = tail === undefined ? [] : Array(8 - before.length - after.length).fill("0");
  return [...before, ...middle, ...after].map((group) => group.padStart(4, "0")).join("");
};

export const mac = (text) => text.replaceAll(":", "");

/** Ones' complement sum of 16-bit words, folded and inverted (RFC 1071), as 4 hex digits. */
export const checksum = (hex) => {
  const even = hex.length % 4 === 0 ? hex : `${hex}00`;
  let sum = 0;
  for (let i = 0; i < even.length; i += 4) sum += Number.parseInt(even.slice(i, i + 4), 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return be16(~sum & 0xffff);
};
