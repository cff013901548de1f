/** What ICMP's errors mean to sockets. @source net/ipv4/icmp.c icmp_err_convert */
import { ERRNO } from "../netlink-error.ts";

/** errno by ICMP_DEST_UNREACH's code. */
const UNREACH_ERRNO: readonly number[] = [
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  92,
  ERRNO.ECONNREFUSED,
  ERRNO.EMSGSIZE,
  ERRNO.EOPNOTSUPP,
  ERRNO.ENETUNREACH,
  112,
  64,
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.EHOSTUNREACH,
];
const UNREACH_FATAL: ReadonlySet<number> = new Set([2, 3, 5, 6, 7, 9, 10, 13, 14, 15]);

/** @returns errno of an ICMP_DEST_UNREACH, positive */
export function icmpErrno(code: number): number {
  return UNREACH_ERRNO[code] ?? ERRNO.EHOSTUNREACH;
}

/** Whether an ICMP_DEST_UNREACH tells that there is no use in going on. */
export function icmpFatal(code: number): boolean {
  return UNREACH_FATAL.has(code);
}
