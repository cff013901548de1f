/** What an XDP program answers. @source include/uapi/linux/bpf.h enum xdp_action */

export const XDP_ABORTED = 0;
export const XDP_DROP = 1;
export const XDP_PASS = 2;
export const XDP_TX = 3;
export const XDP_REDIRECT = 4;
