/**
 * Helpers that Linux 6.18 allows in a networking program type and netsim has not built: programs that call them are refused by name
 * when they are loaded. `name@type` is a helper that is missing in one type only.
 */
export const NOT_BUILT: ReadonlySet<string> = new Set([
  "lwt_seg6_action",
  "lwt_seg6_adjust_srh",
  "lwt_seg6_store_bytes",
]);
