/**
 * How the control plane says no: an errno and, where the kernel gives one, its extended ack. The commands in tools/ turn it into
 * iproute2's words (`Error: ...` with extack, `RTNETLINK answers: ...` without).
 */

/** errno values used here, positive. @source include/uapi/asm-generic/errno-base.h, errno.h */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  E2BIG: 7,
  EAGAIN: 11,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  EBADMSG: 74,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  EHOSTUNREACH: 113,
  ECONNREFUSED: 111,
} as const;

/** strerror's texts for those. */
export const STRERROR: Readonly<Record<number, string>> = {
  1: "Operation not permitted",
  2: "No such file or directory",
  3: "No such process",
  7: "Argument list too long",
  11: "Resource temporarily unavailable",
  12: "Cannot allocate memory",
  14: "Bad address",
  16: "Device or resource busy",
  17: "File exists",
  19: "No such device",
  22: "Invalid argument",
  28: "No space left on device",
  34: "Numerical result out of range",
  61: "No data available",
  74: "Bad message",
  88: "Socket operation on non-socket",
  90: "Message too long",
  93: "Protocol not supported",
  95: "Operation not supported",
  97: "Address family not supported by protocol",
  98: "Address already in use",
  99: "Cannot assign requested address",
  100: "Network is down",
  101: "Network is unreachable",
  105: "No buffer space available",
  111: "Connection refused",
  113: "No route to host",
};

/** Thrown by control-plane functions (never on the packet path). */
export class NetlinkError extends Error {
  /** Positive. */
  readonly errno: number;
  /** The kernel's extended ack without "Error: ", or "". */
  readonly extack: string;
  constructor(errno: number, extack: string = "") {
    super(extack !== "" ? extack : (STRERROR[errno] ?? `errno ${errno}`));
    this.name = "NetlinkError";
    this.errno = errno;
    this.extack = extack;
  }
}
