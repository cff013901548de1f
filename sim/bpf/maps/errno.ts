/**
 * The error numbers that maps and helpers answer programs with; returned negated.
 * @source include/uapi/asm-generic/errno-base.h, errno.h; include/linux/errno.h for 524
 */
export const EPERM = 1;
export const ENOENT = 2;
export const E2BIG = 7;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSPC = 28;
export const ERANGE = 34;
export const EDEADLK = 35;
export const ENOMSG = 42;
export const ENODATA = 61;
export const ETIME = 62;
export const ENONET = 64;
export const EPROTO = 71;
export const EOVERFLOW = 75;
export const EBADFD = 77;
export const EPROTOTYPE = 91;
export const ENOPROTOOPT = 92;
export const ESOCKTNOSUPPORT = 94;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const ENETUNREACH = 101;
export const EALREADY = 114;
/** The kernel's own "not supported", which user space sees as 524. */
export const ENOTSUPP = 524;
