// SPDX-License-Identifier: MIT
// What programs write to their streams.
#include "oracle.h"

extern int bpf_stream_vprintk_impl(int stream_id, const char *fmt__str, const void *args, __u32 len__sz,
				   void *aux__prog) __ksym;

#define BPF_STDOUT 1
#define BPF_STDERR 2
#define WRITE(id, text, args, len)                                      \
	({                                                              \
		static const char fmt[] = text;                         \
		bpf_stream_vprintk_impl(id, fmt, args, len, (void *)0); \
	})

SEC("tc")
int write(struct __sk_buff *skb)
{
	__u64 args[13] = { 1, 2, 0x1234abcd, -5, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
	ANSWERS();

	SAY(WRITE(BPF_STDOUT, "plain\n", args, 0));
	SAY(WRITE(BPF_STDERR, "to the other: %d and %llu\n", args, 16));
	SAY(WRITE(BPF_STDOUT, "no newline %x %lld", args + 2, 16));
	SAY(WRITE(BPF_STDOUT, "%c|%5d|%-5d|%05d|\n", args, 32));
	SAY(WRITE(0, "nowhere\n", args, 0));
	SAY(WRITE(3, "nowhere\n", args, 0));
	SAY(WRITE(-1, "nowhere\n", args, 0));
	SAY(WRITE(BPF_STDOUT, "too few: %d %d\n", args, 8));
	SAY(WRITE(BPF_STDOUT, "too many: %d\n", args, 16));
	SAY(WRITE(BPF_STDOUT, "no multiple of 8: %d\n", args, 12));
	SAY(WRITE(BPF_STDOUT, "thirteen: %d %d %d %d %d %d %d %d %d %d %d %d %d\n", args, 104));
	SAY(WRITE(BPF_STDOUT, "twelve: %d %d %d %d %d %d %d %d %d %d %d %d\n", args, 96));
	SAY(WRITE(BPF_STDOUT, "unknown: %z\n", args, 8));
	SAY(WRITE(BPF_STDOUT, "", args, 0));
	return 0;
}

/* 100 bytes */
static const char hundred[] = "0123456789012345678901234567890123456789012345678"
			      "01234567890123456789012345678901234567890123456789\n";

static int more(__u32 i, void *ctx)
{
	int *last = ctx;

	*last = bpf_stream_vprintk_impl(BPF_STDERR, hundred, ctx, 0, (void *)0);
	return *last != 0;
}

SEC("tc")
int fill(struct __sk_buff *skb)
{
	int last = 0;
	ANSWERS();

	SAY(bpf_loop(2000, more, &last, 0));
	SAY(last);
	SAY(WRITE(BPF_STDERR, "x", &last, 0));
	SAY(WRITE(BPF_STDOUT, "there is room in the other\n", &last, 0));
	return 0;
}
