/*
 * The smallest XDP program: hands every packet to the kernel as if it were not there.
 *
 * It is not useless. A veth device takes frames sent to it by XDP_TX or XDP_REDIRECT only while its own receive side
 * works the XDP way, and attaching any XDP program switches that on. So the far end of such a pair often runs this.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
