/* SPDX-License-Identifier: MIT */
/* What a program of this folder is told to do, and what it writes down: shared by the programs and runner.c. */
#define STEPS 4
#define BUF 96

struct step {
	__u32 op;
	__u32 len;
	__u64 a, b, c, d;
	__u8 buf[BUF];
};

struct result {
	__s64 ret;
	__u32 len, protocol, vlan_present, vlan_tci, vlan_proto, pkt_type, linear, meta;
	__u32 out;
	__u32 pad;
	__u8 buf[BUF];
};
