/*
 * Two ways to tell user space about a packet, one program for each.
 *
 * xdp_perf: a perf event array has one buffer per CPU. The program gives a record, and the kernel appends as many bytes
 * of the packet as the upper half of the flags says, so that the program need not copy them.
 *
 * xdp_ringbuf: one buffer for all CPUs, in order. The program reserves room, writes into it directly, and either
 * submits it or thinks better of it and discards it. No reservation may be left open: the verifier sees to that.
 */
#include "headers/parse.h"

#define SNAP_LEN 32

struct event {
	__u32 ifindex;
	__u32 queue;
	__u32 packet_len;
	__u16 ethertype; /* in host order */
	__u16 captured;  /* bytes of the packet that follow */
};

struct ring_event {
	struct event event;
	__u8 bytes[SNAP_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} perf_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024); /* bytes, a power of two and whole pages */
} ring_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} events_lost SEC(".maps");

static __always_inline void count_lost(void)
{
	__u32 slot = 0;
	__u64 *lost = bpf_map_lookup_elem(&events_lost, &slot);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

static __always_inline void describe(struct xdp_md *ctx, const struct ethhdr *eth, struct event *event)
{
	event->ifindex = ctx->ingress_ifindex;
	event->queue = ctx->rx_queue_index;
	event->packet_len = ctx->data_end - ctx->data;
	event->ethertype = bpf_ntohs(eth->h_proto);
	event->captured = 0;
}

SEC("xdp")
int xdp_perf(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct event event = {};
	__u64 snap;

	if (!eth)
		return XDP_PASS;
	describe(ctx, eth, &event);
	snap = event.packet_len < SNAP_LEN ? event.packet_len : SNAP_LEN;
	event.captured = snap;
	if (bpf_perf_event_output(ctx, &perf_events, BPF_F_CURRENT_CPU | snap << 32, &event, sizeof(event)) < 0)
		count_lost();
	return XDP_PASS;
}

SEC("xdp")
int xdp_ringbuf(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct ring_event *record;

	if (!eth)
		return XDP_PASS;
	record = bpf_ringbuf_reserve(&ring_events, sizeof(*record), 0);
	if (!record) {
		count_lost();
		return XDP_PASS;
	}
	describe(ctx, eth, &record->event);
	if (record->event.ethertype == ETH_P_ARP) { /* of no interest after all */
		bpf_ringbuf_discard(record, 0);
		return XDP_PASS;
	}
	__builtin_memset(record->bytes, 0, sizeof(record->bytes));
	if ((void *)eth + SNAP_LEN <= c.end) {
		__builtin_memcpy(record->bytes, eth, SNAP_LEN);
		record->event.captured = SNAP_LEN;
	}
	bpf_ringbuf_submit(record, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
