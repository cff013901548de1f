/**
 * BPF_MAP_TYPE_XSKMAP: AF_XDP sockets by index. netsim has no AF_XDP sockets, so a slot is always empty: user space's update is answered
 * as Linux answers it for sockets of other families, and a redirect falls back to its flags' action.
 * @source net/xdp/xskmap.c; errno asked of Linux 6.18
 */
import type { MapTypeDef } from "../map.ts";
import { BPF_EXIST } from "../map.ts";
import { u32Of } from "./base-map.ts";
import { checkEmptyArray, EmptyArray } from "./empty-array.ts";
import { E2BIG, EBADF, EINVAL, EOPNOTSUPP } from "./errno.ts";

/** An array of AF_XDP sockets. */
class XskmapMap extends EmptyArray {
  override readonly readErrno: number = -EOPNOTSUPP;

  protected writeChecked(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags >>> 0 > BPF_EXIST) return -EINVAL;
    if (u32Of(key) >= this.spec.maxEntries) return -E2BIG;
    return this.ctx.socketOfCookie?.(u32Of(value)) === undefined ? -EBADF : -EOPNOTSUPP;
  }

  /** Emptying an empty slot succeeds. */
  protected override removeChecked(key: Uint8Array): number {
    return u32Of(key) >= this.spec.maxEntries ? -EINVAL : 0;
  }
}

/** `xskmap`. */
export const xskmapType: MapTypeDef = {
  kind: "xskmap",
  uapi: 17,
  since: "4.18",
  typed: "none",
  user: { take: false, batch: "none" },
  check: checkEmptyArray,
  create: (spec, ctx) => new XskmapMap(spec, ctx),
};
