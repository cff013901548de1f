/* Programs for live frames: each does one thing to the frame and answers one verdict. Byte MARK of the frame counts how often it was seen. */
typedef unsigned char __u8;
typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define MARK 50

enum { ABORTED, DROP, PASS, TX, REDIRECT };

struct xdp_md {
	__u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_redirect)(__u32 ifindex, __u64 flags) = (void *)23;
static long (*bpf_xdp_adjust_head)(struct xdp_md *ctx, int delta) = (void *)44;
static long (*bpf_redirect_map)(void *map, __u64 key, __u64 flags) = (void *)51;
static long (*bpf_xdp_adjust_tail)(struct xdp_md *ctx, int delta) = (void *)65;

struct {
	__uint(type, 2);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} ran SEC(".maps"), seen SEC(".maps");

struct {
	__uint(type, 14);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

const volatile __u32 target = 0;
__u64 runs, seen_bytes, metadata;
__u32 ingress, queue;

/* Counts a frame by its mark. */
static __attribute__((always_inline)) __u8 *note(struct xdp_md *ctx, void *map)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u32 key;
	__u64 *n;

	if (data + MARK + 1 > (__u8 *)(long)ctx->data_end)
		return 0;
	key = data[MARK];
	n = bpf_map_lookup_elem(map, &key);
	if (n)
		*n += 1;
	return data + MARK;
}

static __attribute__((always_inline)) void touch(struct xdp_md *ctx)
{
	__u8 *mark = note(ctx, &ran);

	runs++;
	ingress = ctx->ingress_ifindex;
	queue = ctx->rx_queue_index;
	if (mark)
		*mark += 1;
}

SEC("xdp") int live_drop(struct xdp_md *ctx)
{
	touch(ctx);
	return DROP;
}

SEC("xdp") int live_abort(struct xdp_md *ctx)
{
	touch(ctx);
	return ABORTED;
}

SEC("xdp") int live_invalid(struct xdp_md *ctx)
{
	touch(ctx);
	return 77;
}

SEC("xdp") int live_pass(struct xdp_md *ctx)
{
	note(ctx, &ran);
	runs++;
	return PASS;
}

SEC("xdp") int live_tx(struct xdp_md *ctx)
{
	note(ctx, &ran);
	runs++;
	return TX;
}

SEC("xdp") int live_redirect(struct xdp_md *ctx)
{
	note(ctx, &ran);
	runs++;
	return bpf_redirect(target, 0);
}

SEC("xdp") int live_map(struct xdp_md *ctx)
{
	note(ctx, &ran);
	return bpf_redirect_map(&ports, runs++ & 3, 0);
}

SEC("xdp") int live_broadcast(struct xdp_md *ctx)
{
	note(ctx, &ran);
	runs++;
	return bpf_redirect_map(&ports, 0, 8);
}

/* A verdict after the other. */
SEC("xdp") int live_mixed(struct xdp_md *ctx)
{
	note(ctx, &ran);
	return runs++ % 7;
}

/* The frame grows in front and shrinks behind. */
SEC("xdp") int live_grow(struct xdp_md *ctx)
{
	__u8 *data, *end;
	int i;

	runs++;
	if (bpf_xdp_adjust_tail(ctx, -4) || bpf_xdp_adjust_head(ctx, -20))
		return DROP;
	data = (__u8 *)(long)ctx->data;
	end = (__u8 *)(long)ctx->data_end;
	if (data + MARK + 1 > end)
		return DROP;
	for (i = 0; i < 14; i++)
		data[i] = data[i + 20];
	data[MARK] = 9;
	return TX;
}

/* How far the room in front reaches, in `runs`. */
SEC("xdp") int live_room(struct xdp_md *ctx)
{
	int i;

	for (i = 0; i < 300; i++) {
		if (bpf_xdp_adjust_head(ctx, -1))
			break;
		runs++;
	}
	for (i = 0; i < 4000; i++) {
		if (bpf_xdp_adjust_tail(ctx, 1))
			break;
		seen_bytes++;
	}
	return DROP;
}

/* At the other end of the link. */
SEC("xdp") int peer_count(struct xdp_md *ctx)
{
	note(ctx, &seen);
	seen_bytes += ctx->data_end - ctx->data;
	metadata += ctx->data - ctx->data_meta;
	return DROP;
}

SEC("xdp") int peer_pass(struct xdp_md *ctx)
{
	note(ctx, &seen);
	seen_bytes += ctx->data_end - ctx->data;
	return PASS;
}

char _license[] SEC("license") = "GPL";
