// SPDX-License-Identifier: MIT
// Call stacks. Of addresses it is noted whether there is one.
#include "../../../../bpf/kfuncs/oracle/oracle.h"

/* Nothing written, zero, or an address. */
#define WORD(w) SAY((w) == 0x5555555555555555 ? 1 : (w) == 0 ? 2 : 3)

SEC("syscall")
int stack(void *ctx)
{
	__u64 to[8];
	ANSWERS();

#define GET(n, flags)                                       \
	__builtin_memset(to, 0x55, sizeof(to));             \
	SAY(bpf_get_stack(ctx, to, n, flags));             \
	for (int i = 0; i < 3; i++)                         \
		WORD(to[i])

	GET(24, 0);
	GET(8, 0);
	GET(0, 0);
	GET(7, 0);
	GET(16, 1);
	GET(16, 2);
	GET(16, BPF_F_USER_BUILD_ID);
	GET(16, BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	GET(16, 1 << 9);
	GET(16, 1ULL << 32);
	GET(64, 0);
	GET(64, 3);
	GET(64, 6);
	GET(64, 7);
	return 0;
}

struct task_struct;

SEC("syscall")
int task_stack(void *ctx)
{
	__u64 to[8] = {};
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	ANSWERS();

#define OF(n, flags)                                               \
	__builtin_memset(to, 0x55, sizeof(to));                    \
	SAY(bpf_get_task_stack((void *)task, to, n, flags));       \
	WORD(to[0]);                                               \
	WORD(to[1])

	OF(0, 0);
	OF(7, 0);
	OF(16, BPF_F_USER_BUILD_ID);
	OF(16, 1 << 9);
	OF(16, 1ULL << 32);
	OF(16, 0);
	OF(16, 255);
	OF(16, BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	return 0;
}
