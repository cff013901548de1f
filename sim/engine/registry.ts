/** Registries: what is found by a key that only one record may have. */
import { BugError } from "./errors.ts";

/**
 * Records by a key of theirs.
 * @param what names them in the error: "map types"
 * @throws BugError REGISTERED_TWICE when two have the same key
 */
export function indexBy<T, K>(records: readonly T[], keyOf: (record: T) => K, what: string): ReadonlyMap<K, T> {
  const map = new Map<K, T>();
  for (const r of records) {
    const key = keyOf(r);
    if (map.has(key)) throw new BugError("REGISTERED_TWICE", `two ${what} are ${String(key)}`);
    map.set(key, r);
  }
  return map;
}
