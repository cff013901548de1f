/** What people write for a key, a value or a variable, to its bytes: by type where there is one, else by size. */
import { encodeSized, encodeValue } from "./encode-value.ts";
import type { Btf } from "./types.ts";

/**
 * Bytes of a value: what BTF makes of it (`encodeValue`), `hex:` bytes, or plain values of that size (`encodeSized`).
 * @param typeId within `btf`; 0: unknown
 * @param path where the value stands, for the findings
 * @throws LabError for a value that does not fit
 */
export function encodeBytes(
  btf: Btf | null,
  typeId: number,
  sizeBytes: number,
  value: unknown,
  path: string,
): Uint8Array {
  const bytes = typeof value === "string" ? hexBytes(value, sizeBytes) : null;
  if (bytes !== null) return bytes;
  if (btf !== null && typeId !== 0) return encodeValue(btf, typeId, value, path);
  return encodeSized(sizeBytes, value, path);
}

/** `hex:0a000001` or bytes apart, `0a 00 00 01`: just as many as there is room for. */
function hexBytes(text: string, size: number): Uint8Array | null {
  const m = /^hex:((?:\s*[0-9a-fA-F]{2})*)$/.exec(text);
  const digits =
    m !== null
      ? m[1]!.replace(/\s/g, "")
      : /^([0-9a-fA-F]{2} )+[0-9a-fA-F]{2}$/.test(text)
        ? text.replace(/ /g, "")
        : null;
  if (digits === null || digits.length !== size * 2) return null;
  return Uint8Array.from({ length: size }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}
