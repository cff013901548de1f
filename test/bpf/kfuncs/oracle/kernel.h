/* SPDX-License-Identifier: MIT */
/* What the oracle's programs ask of the kernel's own structs; libbpf fits the offsets to the kernel. */
#include "oracle.h"
#include <bpf/bpf_core_read.h>

#define KERNEL __attribute__((preserve_access_index))

struct net_device {
	unsigned int mtu;
	int ifindex;
	char name[16];
	unsigned short type;
	unsigned short hard_header_len;
	unsigned char addr_len;
	unsigned int real_num_tx_queues;
	unsigned int real_num_rx_queues;
} KERNEL;

struct sock_common {
	unsigned short skc_family;
	unsigned char skc_state;
	unsigned short skc_num;
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	int skc_bound_dev_if;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
	unsigned short sk_type;
	unsigned short sk_protocol;
} KERNEL;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned int len;
	unsigned int data_len;
	__u16 mac_len;
	__u16 queue_mapping;
	__u16 tc_index;
	__u8 pkt_type : 3;
	__u8 ip_summed : 2;
	__u32 priority;
	int skb_iif;
	__u32 hash;
	__u16 vlan_proto;
	__u16 vlan_tci;
	__u32 mark;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	__u16 mac_header;
	unsigned int tail;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
} KERNEL;

struct qdisc_skb_cb {
	unsigned int pkt_len;
	__u16 slave_dev_queue_mapping;
	__u16 tc_classid;
	unsigned char data[20];
} KERNEL;

struct skb_shared_info {
	__u8 nr_frags;
	unsigned short gso_size;
	unsigned short gso_segs;
	void *frag_list;
} KERNEL;

struct xdp_rxq_info {
	struct net_device *dev;
	__u32 queue_index;
	__u32 reg_state;
} KERNEL;

struct xdp_buff {
	void *data;
	void *data_end;
	void *data_meta;
	void *data_hard_start;
	struct xdp_rxq_info *rxq;
	void *txq;
	__u32 frame_sz;
	__u32 flags;
} KERNEL;

struct task_struct {
	int pid;
	int tgid;
	struct task_struct *group_leader;
	char comm[16];
} KERNEL;

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;
