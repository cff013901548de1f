// SPDX-License-Identifier: MIT
// A request for a connection that a packet is given along, asked for where the answer is no: a test run is at no tc hook.
#include "oracle.h"

struct sock {
	unsigned short sk_type;
} __attribute__((preserve_access_index));

struct bpf_tcp_req_attrs___whole {
	__u32 rcv_tsval;
	__u32 rcv_tsecr;
	__u16 mss;
	__u8 rcv_wscale;
	__u8 snd_wscale;
	__u8 ecn_ok;
	__u8 wscale_ok;
	__u8 sack_ok;
	__u8 tstamp_ok;
	__u8 usec_ts_ok;
	__u8 reserved[3];
};

extern int bpf_sk_assign_tcp_reqsk(struct __sk_buff *skb, struct sock *sk, struct bpf_tcp_req_attrs___whole *attrs,
				   int attrs__sz) __ksym;

SEC("tc")
int assign(struct __sk_buff *skb)
{
	struct bpf_tcp_req_attrs___whole attrs = { .mss = 1460 };
	struct bpf_sock *sk = skb->sk;
	ANSWERS();

	if (!sk)
		return -2;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return -3;
	SAY(bpf_sk_assign_tcp_reqsk(skb, (struct sock *)sk, &attrs, sizeof(attrs)));
	SAY(bpf_sk_assign_tcp_reqsk(skb, (struct sock *)sk, &attrs, sizeof(attrs) - 1));
	attrs.reserved[1] = 1;
	SAY(bpf_sk_assign_tcp_reqsk(skb, (struct sock *)sk, &attrs, sizeof(attrs)));
	return 0;
}
