// SPDX-License-Identifier: MIT
// The kernel's own structs behind the context of a packet of the stack and behind the current task.
#include "kernel.h"

static __always_inline int device(struct answers *a, int said, struct net_device *dev)
{
	SAY(dev->ifindex);
	SAY(dev->mtu);
	SAY(dev->type);
	SAY(dev->hard_header_len);
	SAY(dev->addr_len);
	SAY(dev->name[0]);
	SAY(dev->name[1]);
	SAY(dev->name[2]);
	return said;
}

SEC("tc")
int packet(struct __sk_buff *ctx)
{
	struct sk_buff *skb;
	struct qdisc_skb_cb *cb;
	struct skb_shared_info *shared;
	struct sock *sk;
	ANSWERS();

	ctx->mark = 77;
	ctx->priority = 5;
	ctx->tc_index = 9;
	ctx->cb[0] = 0x01020304;
	ctx->cb[4] = 0x0a0b0c0d;
	skb = bpf_cast_to_kern_ctx(ctx);
	SAY(skb->len == ctx->len);
	SAY(skb->len);
	SAY(skb->data_len);
	SAY(skb->mac_len);
	SAY(skb->queue_mapping);
	SAY(skb->tc_index);
	SAY(skb->priority);
	SAY(skb->mark);
	SAY(skb->skb_iif);
	SAY(skb->hash);
	SAY(skb->vlan_proto);
	SAY(skb->vlan_tci);
	SAY(skb->protocol);
	SAY(BPF_CORE_READ_BITFIELD(skb, pkt_type));
	SAY(BPF_CORE_READ_BITFIELD(skb, ip_summed));
	SAY(skb->network_header - skb->mac_header);
	SAY((long)skb->data - (long)skb->head - skb->mac_header);
	SAY((long)skb->head + skb->tail - (long)skb->data);
	SAY(skb->end > skb->tail);
	cb = bpf_rdonly_cast(skb->cb, bpf_core_type_id_kernel(struct qdisc_skb_cb));
	SAY(cb->pkt_len);
	SAY(cb->tc_classid);
	SAY(cb->data[0]);
	SAY(cb->data[16]);
	shared = bpf_rdonly_cast(skb->head + skb->end, bpf_core_type_id_kernel(struct skb_shared_info));
	SAY(shared->nr_frags);
	SAY(shared->gso_size);
	SAY(shared->gso_segs);
	SAY(shared->frag_list);
	said = device(a, said, skb->dev);
	sk = skb->sk;
	SAY(sk != 0);
	if (sk) {
		SAY(sk->__sk_common.skc_family);
		SAY(sk->__sk_common.skc_state);
		SAY(sk->__sk_common.skc_num);
		SAY(sk->__sk_common.skc_bound_dev_if);
		SAY(sk->__sk_common.skc_daddr);
		SAY(sk->__sk_common.skc_rcv_saddr);
		SAY(sk->sk_type);
		SAY(sk->sk_protocol);
	}
	return said;
}

/* Bytes at an address that is no struct of the kernel: the packet's, read by the layout of any struct. */
SEC("tc")
int bytes(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);
	__u32 id = bpf_core_type_id_kernel(struct sock_common);
	struct sock_common *common;
	ANSWERS();

	common = bpf_rdonly_cast(skb->data, id);
	SAY(common->skc_daddr);
	SAY(common->skc_rcv_saddr);
	common = bpf_rdonly_cast(skb->data + 14, id);
	SAY(common->skc_daddr);
	SAY(bpf_rdonly_cast(0, id));
	common = bpf_rdonly_cast((void *)0xffff000000000000ul, id);
	SAY(common->skc_daddr);
	return said;
}

SEC("tc")
int task(struct __sk_buff *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct task_struct *plain = (void *)bpf_get_current_task();
	char mine[16], read[16];
	ANSWERS();

	SAY(task == plain);
	SAY(task->pid == (int)bpf_get_current_pid_tgid());
	SAY(task->tgid == (int)(bpf_get_current_pid_tgid() >> 32));
	SAY(task->group_leader->pid == task->tgid);
	SAY(bpf_get_current_comm(mine, sizeof(mine)));
	SAY(bpf_probe_read_kernel(read, sizeof(read), &plain->comm));
	SAY(*(__u64 *)mine == *(__u64 *)read);
	return said;
}
