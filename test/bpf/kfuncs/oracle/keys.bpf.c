// SPDX-License-Identifier: MIT
// Keys of the system, and of users.
#include "oracle.h"

struct bpf_key {
	_Bool has_ref;
} __attribute__((preserve_access_index));

extern struct bpf_key *bpf_lookup_user_key(__s32 serial, __u64 flags) __ksym;
extern struct bpf_key *bpf_lookup_system_key(__u64 id) __ksym;
extern void bpf_key_put(struct bpf_key *key) __ksym;

#define SYSTEM(id)                                                \
	({                                                        \
		struct bpf_key *k = bpf_lookup_system_key(id);    \
		if (k)                                            \
			bpf_key_put(k);                           \
		SAY(k != 0);                                      \
	})
#define USER(serial, flags)                                           \
	({                                                            \
		struct bpf_key *k = bpf_lookup_user_key(serial, flags); \
		if (k)                                                \
			bpf_key_put(k);                               \
		SAY(k != 0);                                          \
	})

SEC("syscall")
int keys(void *ctx)
{
	ANSWERS();

	SYSTEM(0);
	SYSTEM(1);
	SYSTEM(2);
	SYSTEM(3);
	SYSTEM(-1);
	SYSTEM(1ULL << 32);
	USER(0, 0);
	USER(0x7ffffff0, 0);
	USER(-100, 0);
	USER(0x7ffffff0, 3);
	USER(0x7ffffff0, 4);
	return 0;
}
